import type { Change, Wording } from '../deployment.js'
import type { Deployed } from '../sources/deployed.js'

/** Settings are options, and all else is called as the tool calls it. */
export function wordingOf({ functions, words, fileOf }: Deployed): Wording {
  const idOf = (name: string) => functions.find((it) => it.name === name)?.id ?? name
  const setting: Wording['setting'] = (key, name) => {
    const option =
      key === '' ? 'options' : `--${key.replaceAll(/[A-Z.]/g, (it) => `-${it === '.' ? '' : it.toLowerCase()}`)}`
    return name === undefined ? option : `${option} ${name}=…`
  }
  return {
    setting,
    concurrency(kind, name) {
      if (name === '*') return `${kind} concurrency`
      const id = idOf(name)
      if (fileOf(id) === undefined) return `--function ${name}=…`
      return kind === 'reserved'
        ? words.property(id, 'ReservedConcurrentExecutions')
        : `provisioned concurrency of ${name}`
    },
    property: words.property,
    type: words.type,
    paste: (changes) => {
      const options = changes.flatMap(optionOf)
      const properties = changes.flatMap((change) => propertyOf(change))
      return [...words.paste(properties), ...(options.length === 0 ? [] : [options.join(' ')])]
    },
  }

  function propertyOf(change: Change) {
    switch (change.of) {
      case 'property':
        return [{ id: change.logicalId, property: change.property, value: change.value }]
      case 'concurrency': {
        const id = idOf(change.functionName)
        const property = 'ReservedConcurrentExecutions'
        return fileOf(id) === undefined ? [] : [{ id, property, value: change.value }]
      }
      case 'setting': {
        const id = idOf(change.functionName ?? '')
        // What the pool reads, so that the next run needs no option.
        const property = `Environment.Variables.PG_THAW_${change.key.toUpperCase()}`
        return isPoolVariable(change) && fileOf(id) !== undefined ? [{ id, property, value: change.value }] : []
      }
      default:
        return change satisfies never
    }
  }

  function optionOf(change: Change): string[] {
    if (change.of === 'property') return []
    const inFile = change.functionName !== undefined && fileOf(idOf(change.functionName)) !== undefined
    if (change.of === 'concurrency') return inFile ? [] : [`--function ${change.functionName}=${change.value}`]
    if (isPoolVariable(change) && inFile) return []
    const { key, functionName, value } = change
    return [functionName === undefined ? `${setting(key)} ${value}` : `--${key} ${functionName}=${value}`]
  }
}

function isPoolVariable(change: Change): boolean {
  return change.of === 'setting' && ['max', 'min', 'target'].includes(change.key) && change.functionName !== undefined
}
