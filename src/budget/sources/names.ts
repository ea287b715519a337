import type { DeployedFunction } from './deployed.js'

/** A function with the names that it may go by, the shortest first. */
interface Candidate extends Omit<DeployedFunction, 'name'> {
  readonly names: readonly string[]
}

/** Gives each function the first of its names that no other has as well; its id, where all are taken. */
export function distinctNames(functions: readonly Candidate[]): DeployedFunction[] {
  const uses = new Map<string, number>()
  for (const name of functions.flatMap(({ names }) => [...new Set(names)])) uses.set(name, (uses.get(name) ?? 0) + 1)
  return functions.map(({ names, id, isOfTool }) => ({
    name: names.find((it) => uses.get(it) === 1) ?? id,
    id,
    isOfTool,
  }))
}
