import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** For a file of each room, what it may import and what not. */
const rooms = {
  'src/pool/slot.ts': {
    may: ['./clock.js'],
    mayNot: ['../postgres/pool.js', '../registry/environment.js', '../index.js', 'pg'],
  },
  'src/registry/environment.ts': {
    may: ['../pool/clock.js'],
    mayNot: ['../postgres/pool.js', '../lambda/pool-manager.js', 'pg'],
  },
  'src/postgres/pool.ts': {
    may: ['../pool/clock.js', '../registry/environment.js', 'pg'],
    mayNot: [
      '../lambda/pool-manager.js',
      '../testing/index.js',
      '../local/index.js',
      '../cli/run.js',
      '../credentials/secrets-manager.js',
      '../index.js',
    ],
  },
  'src/postgres/connection/pg-connector.ts': {
    may: ['../../pool/clock.js', '../options/options.js', './credentials.js', 'pg'],
    mayNot: ['../../lambda/pool-manager.js', '../../credentials/source/check.js', '../../index.js'],
  },
  'src/lambda/create-pool.ts': {
    may: ['../pool/clock.js', '../postgres/pool.js', '../registry/environment.js'],
    mayNot: ['../testing/index.js', '../../infra/functions/orders.js', '../index.js', 'pg'],
  },
  'src/lambda/faces/middy.ts': {
    may: ['../pool-manager.js', '../wrap-handler.js'],
    mayNot: ['../create-pool.js', '../../postgres/pool.js', '../../pool/clock.js', '../../index.js', 'pg'],
  },
  'src/credentials/secrets-manager.ts': {
    may: ['./secret.js', './source/pool-credentials.js', '@aws-sdk/client-secrets-manager'],
    mayNot: ['../postgres/credentials.js', '../pool/errors.js', '../lambda/create-pool.js', '../index.js', 'pg'],
  },
  'src/credentials/aws/signed-token.ts': {
    may: ['./signature.js', '../errors.js', '../source/pool-credentials.js'],
    mayNot: ['../secrets-manager.js', '../../pool/clock.js', '../../postgres/pool.js', '../../index.js', 'pg'],
  },
  'src/credentials/source/pool-credentials.ts': {
    may: [
      '../../pool/clock.js',
      '../../pool/connector.js',
      '../../pool/errors.js',
      '../../postgres/connection/opening/credentials.js',
      '../../postgres/connection/pg-client.js',
      './check.js',
    ],
    mayNot: [
      '../secret.js',
      '../../pool/resource-pool.js',
      '../../postgres/connection/pg-connector.js',
      '../../postgres/pool.js',
      '../../index.js',
      'pg',
    ],
  },
  'src/budget/budget.ts': {
    may: ['./database/limit.js'],
    mayNot: ['../serverless/preview.js', '../pool/clock.js', '../index.js', 'pg'],
  },
  'src/budget/settings/settings.ts': {
    may: ['../errors.js', './section.js'],
    mayNot: ['../../serverless/preview.js', '../../index.js', 'pg'],
  },
  'src/budget/sources/provider/terraform.ts': {
    may: ['../../template.js', '../deployed.js'],
    mayNot: ['../../../serverless/preview.js', '../../../index.js', 'pg'],
  },
  'src/budget/report/report.ts': {
    may: ['../budget.js', './table.js'],
    mayNot: ['../../serverless/preview.js', '../../index.js', 'pg'],
  },
  'src/budget/sources/cdk.ts': {
    may: ['../template.js', './link.js'],
    mayNot: ['../../serverless/preview.js', '../../cli/run.js', '../../index.js', 'pg'],
  },
  'src/cli/budget.ts': {
    may: ['./run.js', '../budget/index.js'],
    mayNot: ['../budget/budget.js', '../serverless/plugin.js', '../index.js', 'pg'],
  },
  'src/serverless/plugin.ts': {
    may: ['./preview.js', '../budget/index.js'],
    mayNot: ['../budget/budget.js', '../pool/clock.js', '../index.js', 'pg'],
  },
  'src/serverless/packaging/packaging.ts': {
    may: ['../framework.js', '../../budget/index.js'],
    mayNot: ['../service-budget.js', '../../budget/errors.js', '../../index.js', 'pg'],
  },
  'src/testing/options.ts': {
    may: ['./network/relay.js'],
    mayNot: ['../pool/clock.js', '../local/index.js', '../index.js', 'pg'],
  },
  'src/testing/network/relay.ts': {
    may: ['./relay-connection.js', '../errors.js'],
    mayNot: ['../../pool/clock.js', '../../local/index.js', '../../index.js', 'pg'],
  },
  'src/local/preload.mts': {
    may: ['./relayed.js', '../testing/index.js', 'pg'],
    mayNot: ['../lambda/invocation-report.js', '../testing/network/relay.js', '../cli/run.js', '../index.js'],
  },
  'src/local/act/strikes.ts': {
    may: ['./faults.js', '../watch/fleet.js', '../../testing/index.js', 'pg'],
    mayNot: ['../../testing/network/relay.js', '../../cli/run.js', '../../postgres/pool.js', '../../index.js'],
  },
  'src/local/beside/pg-thaw.ts': {
    may: ['../../index.js', 'pg'],
    mayNot: ['../../testing/index.js', '../../postgres/pool.js', '../../lambda/create-pool.js'],
  },
  'src/doctor/attempt.ts': {
    may: ['../postgres/connection/opening/address.js', '../pool/errors.js', './finding.js', 'pg'],
    mayNot: ['../lambda/pool-manager.js', '../cli/run.js', '../local/index.js', '../testing/index.js', '../index.js'],
  },
  'src/cli/doctor.ts': {
    may: ['./run.js', '../doctor/index.js'],
    mayNot: ['../doctor/examine.js', '../postgres/pool.js', '../index.js', 'pg'],
  },
  'src/replay/policies.ts': {
    may: ['../lambda/keep-policy.js', './replay.js'],
    mayNot: ['../lambda/pool-manager.js', '../pool/errors.js', '../cli/run.js', '../index.js', 'pg'],
  },
  'src/cli/local.ts': {
    may: ['./run.js', '../local/index.js'],
    mayNot: ['../local/service.js', '../testing/index.js', '../index.js', 'pg'],
  },
  'src/cli.ts': {
    may: ['./cli/run.js'],
    mayNot: ['./local/index.js', './testing/index.js', './index.js', 'pg'],
  },
  'src/goodbye.mts': {
    may: ['./lambda/goodbye.js'],
    mayNot: ['./testing/index.js', './local/index.js', './cli/run.js', '../demo/main.js', 'pg'],
  },
  'src/index.ts': {
    may: ['./lambda/create-pool.js'],
    mayNot: ['./testing/index.js', './local/index.js', './cli/run.js', '../demo/main.js', 'pg'],
  },
}

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pg-thaw-layering-'))
  copyFileSync('biome.json', join(directory, 'biome.json'))
  for (const [path, { may, mayNot }] of Object.entries(rooms)) {
    const file = join(directory, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(
      file,
      [...may, ...mayNot].map((specifier, line) => `import { it as it${line} } from '${specifier}'\n`).join(''),
    )
  }
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** The specifiers that the linter refuses in a file. */
function refused(path: string): string[] {
  const biome = resolve('node_modules/@biomejs/biome/bin/biome')
  const args = ['lint', '--vcs-enabled=false', '--only=style/noRestrictedImports', '--reporter=github', path]
  const { stdout } = spawnSync(process.execPath, [biome, ...args], { cwd: directory, encoding: 'utf8' })
  const { may, mayNot } = rooms[path as keyof typeof rooms]
  const specifiers = [...may, ...mayNot]
  return [...stdout.matchAll(/^::error .*?line=(\d+),/gm)].map(([, line]) => specifiers[Number(line) - 1] ?? 'unknown')
}

describe('the layering', () => {
  it.each(Object.keys(rooms))('holds for %s', (path) => {
    expect(refused(path)).toEqual(rooms[path as keyof typeof rooms].mayNot)
  })
})
