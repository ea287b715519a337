import { record } from '../../template.js'

/** What is said of constructs, by their paths: `/Prod/Api/Orders/Resource`. */
export type Metadata = Readonly<Record<string, unknown>>

/** Which construct each resource belongs to, as the metadata say, or the template itself. */
export function constructsOf(
  templateFile: string,
  path: string,
  resources: Readonly<Record<string, unknown>>,
  metadata: Metadata,
): Map<string, string> {
  const base = `/${baseOf(templateFile, metadata) ?? path}/`
  const found = new Map<string, string>()
  for (const [construct, entries] of Object.entries(metadata)) {
    if (!construct.startsWith(base) || !Array.isArray(entries)) continue
    const { data } = entries.map(record).find((it) => it.type === 'aws:cdk:logicalId') ?? {}
    const known = found.get(String(data))
    // A nested stack has ids of its own, which stand in the same list, deeper.
    if (known === undefined || construct.length < known.length) found.set(String(data), construct.slice(1))
  }
  for (const [id, resource] of Object.entries(resources)) {
    const construct = record(record(resource).Metadata)['aws:cdk:path']
    if (typeof construct === 'string') found.set(id, construct)
  }
  return found
}

/** The construct that a template is made of. */
export function baseOf(templateFile: string, metadata: Metadata): string | undefined {
  const [construct] =
    Object.entries(metadata).find(
      ([, entries]) =>
        Array.isArray(entries) &&
        entries.map(record).some(({ type, data }) => type === 'aws:cdk:templateFile' && data === templateFile),
    ) ?? []
  return construct?.slice(1)
}

/** Constructs of the library that are functions: providers of custom resources, and singletons, whose names end with an identifier. */
export function isOfCdk(construct: string): boolean {
  return construct
    .split('/')
    .some((part) => /^Custom::|^framework-(onEvent|isComplete|onTimeout)$|[0-9a-f]{32}$/i.test(part))
}
