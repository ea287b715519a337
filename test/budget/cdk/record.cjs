// Records the assembly that app.cjs makes in ../fixtures/cdk.out, for the tests that install nothing: `npm run record`. What says where
// and with which version it was made, or is no stack, is left out.
const { execFileSync } = require('node:child_process')
const { readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')

const directory = join(__dirname, '..', 'fixtures', 'cdk.out')
rmSync(directory, { recursive: true, force: true })
execFileSync(process.execPath, [join(__dirname, 'app.cjs'), directory])

const KEPT = /^(manifest|.*\.(template|metadata|assets))\.json$/
for (const name of readdirSync(directory)) {
  if (!KEPT.test(name)) rmSync(join(directory, name), { recursive: true })
}
edit('manifest.json', (key, value) => (/feature-flag-report$/.test(key) ? undefined : value))
for (const name of readdirSync(directory).filter((it) => it.endsWith('.metadata.json'))) {
  edit(name, (_key, value) => {
    if (!Array.isArray(value)) return value
    return value.filter(({ type }) => ['aws:cdk:logicalId', 'aws:cdk:templateFile'].includes(type))
  })
}

function edit(name, replaced) {
  const file = join(directory, name)
  writeFileSync(file, `${JSON.stringify(JSON.parse(readFileSync(file, 'utf8'), replaced), undefined, 2)}\n`)
}
