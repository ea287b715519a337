import type { Change, Wording } from '../deployment.js'
import type { Deployed } from '../sources/deployed.js'
import type { PropertyValue } from '../sources/words.js'
import type { Resources } from '../template.js'
import { variableIn, variableOf } from './variables.js'

/** Settings are options, and all else is called as the tool calls it. */
export function wordingOf({ functions, words, fileOf }: Deployed, resources: Resources): Wording {
  const idOf = (name: string) => functions.find((it) => it.name === name)?.id ?? name
  const setting: Wording['setting'] = (key, name) => {
    const option =
      key === '' ? 'options' : `--${key.replaceAll('.', '-').replaceAll(/[A-Z]/g, (it) => `-${it.toLowerCase()}`)}`
    if (name === undefined) return option
    if (key === 'environments') return `--function ${name}=…`
    const id = idOf(name)
    // What the pool reads there, no option goes before.
    const isThere = variableIn(resources[id], key) !== undefined
    return isThere ? words.property(id, `Environment.Variables.${variableOf(key)}`) : `${option} ${name}=…`
  }
  return {
    setting,
    concurrency(kind, name) {
      if (name === '*') return `${kind} concurrency`
      const id = idOf(name)
      if (fileOf(id) === undefined) return `--function ${name}=…`
      if (kind === 'provisioned') return `provisioned concurrency of ${name}`
      return words.property(id, 'ReservedConcurrentExecutions')
    },
    property: words.property,
    type: words.type,
    paste(changes, sources) {
      const files = new Map<string, PropertyValue[]>()
      for (const entry of changes.flatMap(propertyOf)) {
        const file = sources.fileOf(entry.id)
        files.set(file, [...(files.get(file) ?? []), entry])
      }
      const options = changes.flatMap(optionOf)
      const isForAll = changes.some((change) => change.of === 'setting' && change.key === 'max' && !change.functionName)
      return [
        ...[...files].flatMap(([file, entries]) => [`# ${file}`, ...words.paste(entries)]),
        ...(options.length === 0 ? [] : [options.join(' ')]),
        ...(isForAll ? ["# and that `max` in the pools, or as PG_THAW_MAX in the functions' environments"] : []),
      ]
    },
  }

  function propertyOf(change: Change): PropertyValue[] {
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
        const property = `Environment.Variables.${variableOf(change.key)}`
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
  return change.of === 'setting' && variableOf(change.key) !== undefined && change.functionName !== undefined
}
