/** Something that is measured again and again. */
export interface Subject {
  readonly name: string
  /** Goes before each round, untimed: a lead-in, so that the round does not pay for what the one before it has left behind. */
  prepare?(): void | Promise<void>
  /** One round. */
  run(): Promise<void>
}

/** What one round took. */
export interface Sample {
  readonly wallMicros: number
  /** User and system time of the whole process, its helper threads included. */
  readonly cpuMicros: number
}

/**
 * Runs the subjects in turn (A B C A B C …), so that whatever the machine does meanwhile meets them all. Warm-up turns come first,
 * in the same order, and don't count; nor does the slower half of the turns. A turn is judged as a whole, by the wall time of all its
 * subjects, so leaving it out favours none of them.
 */
export async function interleave(
  subjects: readonly Subject[],
  { warmups, turns }: { readonly warmups: number; readonly turns: number },
): Promise<Map<string, Sample[]>> {
  const measured: Sample[][] = []
  for (let turn = -warmups; turn < turns; turn++) {
    const samples: Sample[] = []
    for (const subject of subjects) {
      await subject.prepare?.()
      samples.push(await measure(subject))
    }
    if (turn >= 0) measured.push(samples)
  }
  const quiet = measured.toSorted((one, other) => wallOf(one) - wallOf(other)).slice(0, Math.ceil(turns / 2))
  return new Map(subjects.map(({ name }, index) => [name, quiet.flatMap((samples) => samples[index] ?? [])]))
}

function wallOf(turn: readonly Sample[]): number {
  return turn.reduce((sum, { wallMicros }) => sum + wallMicros, 0)
}

async function measure(subject: Subject): Promise<Sample> {
  const cpuBefore = process.cpuUsage()
  const before = process.hrtime.bigint()
  await subject.run()
  const wallMicros = Number(process.hrtime.bigint() - before) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  return { wallMicros, cpuMicros: cpu.user + cpu.system }
}

/**
 * Needs `--expose-gc`. Not before something short: a full collection gives pages back and throws compiled code away, and what comes
 * next pays for both.
 */
export function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('bug: a bench runs without --expose-gc')
  globalThis.gc()
}

/** The middle one, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const high = sorted[sorted.length >> 1]
  const low = sorted[(sorted.length - 1) >> 1]
  if (high === undefined || low === undefined) throw new Error('bug: the median of nothing')
  return (low + high) / 2
}

/** The median of one figure of a subject's rounds, divided by how often the subject did in a round what is measured. */
export function medianOf(
  samples: ReadonlyMap<string, readonly Sample[]>,
  name: string,
  figure: keyof Sample,
  times: number,
): number {
  return median((samples.get(name) ?? []).map((sample) => sample[figure])) / times
}
