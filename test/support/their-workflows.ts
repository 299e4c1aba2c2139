/** Workflows of somebody else, which jobs start. */
export async function settle({ orders }: { orders: number }): Promise<{ settled: number }> {
  return { settled: orders };
}
