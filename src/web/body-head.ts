/** The beginning of a request's body: what is kept of it, while the rest is read and thrown away. */

/** More than this is not even read: the connection is cut. */
const mostDrainedBytes = 10 * 1024 * 1024;

export interface BodyHead {
  text: string;
  /** True when the rest was not even read: the connection cannot be used again. */
  isCut: boolean;
}

/** Up to `mostBytes` of the body as text; bytes that are no UTF-8 become U+FFFD. */
export async function readBodyHead(request: Request, mostBytes: number): Promise<BodyHead> {
  if (request.body === null) return { text: '', isCut: false };
  const chunks: Uint8Array[] = [];
  let [kept, drained] = [0, 0];
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array };
    if (done || value === undefined) break;
    const room = mostBytes - kept;
    if (room > 0) chunks.push(value.subarray(0, room));
    kept += Math.min(room, value.length);
    drained += value.length;
    if (drained > mostDrainedBytes) {
      await reader.cancel();
      break;
    }
  }
  // Cut off within a character, its bytes are left out rather than shown as broken.
  const text = new TextDecoder().decode(Buffer.concat(chunks), { stream: drained > mostBytes });
  return { text, isCut: drained > mostDrainedBytes };
}
