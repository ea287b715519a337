/** How thoroughly what comes from outside is tried: `FUZZ_TIMES=100` runs a hundred times as many cases, `FUZZ_SEED` others. */
export function fuzz(numRuns: number): { seed: number; numRuns: number; endOnFailure: boolean } {
  const { FUZZ_SEED = 20_260_101, FUZZ_TIMES = 1 } = process.env
  // What fails is found smaller by hand: where things hang, each attempt takes as long as the bounds are.
  return { seed: Number(FUZZ_SEED), numRuns: Math.ceil(numRuns * Number(FUZZ_TIMES)), endOnFailure: true }
}
