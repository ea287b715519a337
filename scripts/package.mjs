// Makes what is deployed: the library, the functions' bundles, and by the Serverless Framework their zips and the template. Offline,
// without credentials. Arguments go to the framework: `npm run package -- --stage prod`.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { wrongParameters } from './check-parameters.mjs'

const serverless = createRequire(import.meta.url).resolve('serverless/bin/serverless.js')
const options = process.argv.slice(2)

const wrong = wrongParameters(options)
if (wrong.length > 0) {
  console.error(wrong.join('\n'))
  process.exit(1)
}

run('scripts/build.mjs')
// The budget first: what can't be deployed is not bundled.
run(serverless, 'pg-thaw', 'budget', '--enforce', ...options)
run('scripts/build-functions.mjs')
run(serverless, 'package', ...options)

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
