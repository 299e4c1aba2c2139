/** How often a benchmark does what it measures: by `--rounds`, else as usual. */
export const roundsVariable = 'OPSLOOP_BENCH_ROUNDS';

export const rounds = (usual: number): number => Number(process.env[roundsVariable] ?? usual);
