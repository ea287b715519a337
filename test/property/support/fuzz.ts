/** How thoroughly what comes from outside is tried: `FUZZ_TIMES=100` runs a hundred times as many cases, `FUZZ_SEED` others. */
export function fuzz(numRuns: number): { seed: number; numRuns: number } {
  const { FUZZ_SEED = 20_260_101, FUZZ_TIMES = 1 } = process.env
  return { seed: Number(FUZZ_SEED), numRuns: Math.ceil(numRuns * Number(FUZZ_TIMES)) }
}
