/** Something that is measured again and again. */
export interface Subject {
  /** Goes before each round, untimed: a lead-in, so that the round does not pay for what happened since the last one. */
  prepare?(): unknown
  /** One round. A number that it resolves to is kept with the sample. */
  run(): Promise<unknown>
  /** Comes right after each round, untimed. A number that it returns is kept with the sample instead. */
  account?(): number | undefined
}

/** Who takes part in a contest. */
export interface Entrant {
  /** Unique in its contest. */
  readonly name: string
  /** Called once, in the entrant's own process. */
  open(): Promise<Subject>
}

/** What one round took. */
export interface Sample {
  readonly wallMicros: number
  /** User and system time of the whole process, its helper threads included. */
  readonly cpuMicros: number
  readonly returned: number | undefined
}

export type Samples = ReadonlyMap<string, readonly Sample[]>

export interface Turns {
  /** How many come first and don't count. */
  readonly warmups: number
  readonly turns: number
}

/**
 * Lets everybody measure one round in turn (A B C A B C …), so that whatever the machine does meanwhile meets them all. Warm-up turns
 * come first, in the same order, and don't count; nor does the slower half of the turns. A turn is judged as a whole, by the wall time
 * of all its rounds, so leaving it out favours nobody.
 */
export async function takeTurns(
  rounds: ReadonlyMap<string, () => Promise<Sample>>,
  { warmups, turns }: Turns,
): Promise<Samples> {
  const measured: Sample[][] = []
  for (let turn = -warmups; turn < turns; turn++) {
    const samples: Sample[] = []
    for (const round of rounds.values()) samples.push(await round())
    if (turn >= 0) measured.push(samples)
  }
  const quiet = measured.toSorted((one, other) => wallOf(one) - wallOf(other)).slice(0, Math.ceil(turns / 2))
  return new Map([...rounds.keys()].map((name, index) => [name, quiet.flatMap((samples) => samples[index] ?? [])]))
}

function wallOf(turn: readonly Sample[]): number {
  return turn.reduce((sum, { wallMicros }) => sum + wallMicros, 0)
}

/** Measures one round. */
export async function measure(subject: Subject): Promise<Sample> {
  await subject.prepare?.()
  const cpuBefore = process.cpuUsage()
  const before = process.hrtime.bigint()
  const returned = await subject.run()
  const wallMicros = Number(process.hrtime.bigint() - before) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  const told = subject.account === undefined ? returned : subject.account()
  return { wallMicros, cpuMicros: cpu.user + cpu.system, returned: typeof told === 'number' ? told : undefined }
}

/**
 * Needs `--expose-gc`. Not right before something short: a full collection gives pages back and throws compiled code away, and what
 * comes next pays for both.
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

/** The median of one figure of an entrant's rounds, divided by how often it did in a round what is measured. */
export function medianOf(samples: Samples, name: string, figure: keyof Sample, times: number): number {
  return median(figuresOf(samples, name, figure)) / times
}

/** The mean instead, for what is counted in steps that are large against a round; `NaN` where nobody told the figure. */
export function meanOf(samples: Samples, name: string, figure: keyof Sample, times: number): number {
  const figures = figuresOf(samples, name, figure)
  return figures.reduce((sum, one) => sum + one, 0) / figures.length / times
}

/**
 * The least instead, for what a distance bounds from below: whatever else happens only adds to it, and would be taken for round trips.
 * `Infinity` where nobody told the figure.
 */
export function leastOf(samples: Samples, name: string, figure: keyof Sample): number {
  return Math.min(...figuresOf(samples, name, figure))
}

function figuresOf(samples: Samples, name: string, figure: keyof Sample): number[] {
  return (samples.get(name) ?? []).flatMap((sample) => sample[figure] ?? [])
}
