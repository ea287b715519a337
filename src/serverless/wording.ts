import { type Change, type Wording, yamlLines } from '../budget/index.js'

/** How things are called in `serverless.yml`. */
export const SERVERLESS_WORDING: Wording = {
  setting(key, functionName) {
    const path = functionName === undefined ? 'custom.pgThaw' : `custom.pgThaw.functions.${functionName}`
    return key === '' ? path : `${path}.${key}`
  },
  concurrency: (kind, functionName) => `functions.${functionName}.${kind}Concurrency`,
  property: (logicalId, property) => `Resources.${logicalId}.Properties.${property}`,
  type: (type) => type,
  paste(changes, { configuration, fileOf }) {
    const files = new Map<string, Change[]>()
    for (const change of changes) {
      const file = change.of === 'property' ? fileOf(change.logicalId) : configuration
      files.set(file, [...(files.get(file) ?? []), change])
    }
    return [...files].flatMap(([file, each]) => [
      `# ${file}`,
      ...yamlLines(
        each.map((change) => {
          const isWithin = change.of === 'property' && file === configuration
          return { path: [...(isWithin ? ['resources'] : []), ...pathOf(change)], value: change.value }
        }),
      ),
    ])
  },
}

function pathOf(change: Change): string[] {
  switch (change.of) {
    case 'setting': {
      const own = change.functionName === undefined ? [] : ['functions', change.functionName]
      return ['custom', 'pgThaw', ...own, ...change.key.split('.')]
    }
    case 'concurrency':
      return ['functions', change.functionName, 'reservedConcurrency']
    case 'property':
      return [sectionOf(change.property), change.logicalId, 'Properties', ...change.property.split('.')]
    default:
      return change satisfies never
  }
}

/** The framework makes the functions itself, so that what it has no key for is an extension of its resource. */
function sectionOf(property: string): string {
  return property.startsWith('FunctionScalingConfig.') ? 'extensions' : 'Resources'
}
