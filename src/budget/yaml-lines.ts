/** A value with the keys that lead to it. */
export interface YamlEntry {
  readonly path: readonly string[]
  readonly value: number | string
}

interface Tree extends Map<string, Tree | number | string> {}

/** Values as lines of YAML, of which those below the same key stand together. */
export function yamlLines(entries: readonly YamlEntry[]): string[] {
  const root: Tree = new Map()
  for (const { path, value } of entries) {
    let at = root
    for (const key of path.slice(0, -1)) {
      const below = at.get(key)
      const next: Tree = below instanceof Map ? below : new Map()
      at.set(key, next)
      at = next
    }
    at.set(String(path.at(-1)), value)
  }
  return linesOf(root, '')
}

function linesOf(tree: Tree, indentation: string): string[] {
  return [...tree].flatMap(([key, value]) =>
    value instanceof Map
      ? [`${indentation}${key}:`, ...linesOf(value, `${indentation}  `)]
      : [`${indentation}${key}: ${value}`],
  )
}
