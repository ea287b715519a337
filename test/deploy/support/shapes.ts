/** A fresh project as its users would set it up, and how its function is built. */
export interface Shape {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  /** Each installs; `PACKED` stands for what `pg-thaw` would be in the registry. */
  readonly installs: readonly string[]
  readonly builds: readonly string[]
  /** What would be uploaded, where the tool makes it: it is unpacked into `unpacked`. */
  readonly zip?: string
  /** The module of the function, when it is built. */
  readonly module: string
  /** What the runtime has to be told, such as of a loader: relative to the project. */
  readonly preload?: string
}

const compiled = 'npm install --save-dev typescript@5.9 @types/node@20 @types/pg'
const manifest = (more: object = {}) => JSON.stringify({ name: 'orders', version: '1.0.0', private: true, ...more })
const tsconfig = (compilerOptions: object) =>
  JSON.stringify({ compilerOptions: { strict: true, target: 'es2022', ...compilerOptions }, include: ['src'] })

const typescript = `import { createPool, wrapHandler } from 'pg-thaw'

const pool = createPool({ max: 1 })

export const handler = wrapHandler(async (event: { customer: string }) => {
  const { rows } = await pool.query<{ greeting: string }>("SELECT 'hello ' || $1 AS greeting", [event.customer])
  return rows
})
`
const javascript = (head: string, tail: string) => `${head}

const pool = createPool({ max: 1 })

${tail} = wrapHandler(async (event) => {
  const { rows } = await pool.query("SELECT 'hello ' || $1 AS greeting", [event.customer])
  return rows
})
`
const commonjs = javascript("const { createPool, wrapHandler } = require('pg-thaw')", 'exports.handler')
const esModule = javascript("import { createPool, wrapHandler } from 'pg-thaw'", 'export const handler')

/** As `sam init` had it for years: the compiler's own CommonJS, without `esModuleInterop`. */
const sam: Shape = {
  name: 'SAM with `module: commonjs`',
  files: {
    'package.json': manifest(),
    'tsconfig.json': tsconfig({ module: 'commonjs', outDir: 'dist' }),
    'src/app.ts': typescript,
  },
  installs: ['npm install PACKED pg', compiled],
  builds: ['npx tsc'],
  module: 'dist/app.js',
}

/** The construct bundles by itself, with the esbuild of the project. */
const cdk: Shape = {
  name: 'CDK NodejsFunction',
  files: {
    'package.json': manifest(),
    'src/orders.ts': typescript,
    'app.js': `const { App, Stack } = require('aws-cdk-lib')
const { Runtime } = require('aws-cdk-lib/aws-lambda')
const { NodejsFunction } = require('aws-cdk-lib/aws-lambda-nodejs')
const { readdirSync, symlinkSync } = require('node:fs')

const app = new App({ outdir: 'cdk.out' })
const stack = new Stack(app, 'orders')
new NodejsFunction(stack, 'Orders', { entry: 'src/orders.ts', runtime: Runtime.NODEJS_20_X })
app.synth()
symlinkSync(readdirSync('cdk.out').find((name) => name.startsWith('asset.')), 'cdk.out/orders')
`,
  },
  installs: ['npm install PACKED pg', 'npm install --save-dev aws-cdk-lib constructs esbuild @types/pg'],
  builds: ['node app.js'],
  module: 'cdk.out/orders/index.js',
}

const serverless: Shape = {
  name: 'Serverless Framework with esbuild',
  files: {
    'package.json': manifest(),
    'src/orders.ts': typescript,
    'serverless.yml': `service: orders
provider: { name: aws, runtime: nodejs20.x, region: eu-central-1 }
plugins: [serverless-esbuild]
package: { individually: true }
functions: { orders: { handler: src/orders.handler } }
`,
  },
  installs: [
    'npm install PACKED pg',
    'npm install --save-dev serverless@npm:osls@4 serverless-esbuild esbuild @types/pg',
  ],
  builds: ['npx serverless package'],
  zip: '.serverless/orders.zip',
  module: 'unpacked/src/orders.js',
}

const nest: Shape = {
  name: 'Nest',
  files: {
    'package.json': manifest(),
    'tsconfig.json': tsconfig({
      module: 'commonjs',
      outDir: 'dist',
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    }),
    'src/orders.service.ts': `import { Injectable } from '@nestjs/common'
import { Pool } from 'pg-thaw'

@Injectable()
export class OrdersService {
  constructor(private readonly pool: Pool) {}

  async greet(customer: string): Promise<{ greeting: string }[]> {
    const { rows } = await this.pool.query<{ greeting: string }>("SELECT 'hello ' || $1 AS greeting", [customer])
    return rows
  }
}
`,
    'src/app.module.ts': `import { Module } from '@nestjs/common'
import { createPool, Pool } from 'pg-thaw'
import { OrdersService } from './orders.service'

@Module({ providers: [{ provide: Pool, useFactory: () => createPool({ max: 1 }) }, OrdersService] })
export class AppModule {}
`,
    'src/main.ts': `import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { wrapHandler } from 'pg-thaw'
import { AppModule } from './app.module'
import { OrdersService } from './orders.service'

const app = NestFactory.createApplicationContext(AppModule, { logger: false })

export const handler = wrapHandler(async (event: { customer: string }) => {
  return (await app).get(OrdersService).greet(event.customer)
})
`,
  },
  installs: ['npm install PACKED pg @nestjs/common@11 @nestjs/core@11 reflect-metadata rxjs', compiled],
  builds: ['npx tsc'],
  module: 'dist/main.js',
}

const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

const esm: Shape = {
  name: 'an ES module project with `bundler`',
  files: {
    'package.json': manifest({ type: 'module' }),
    'tsconfig.json': tsconfig({ module: 'esnext', moduleResolution: 'bundler', noEmit: true }),
    'src/orders.ts': typescript,
  },
  installs: ['npm install PACKED pg', `${compiled} esbuild`],
  builds: [
    'npx tsc',
    `npx esbuild src/orders.ts --bundle --platform=node --format=esm --external:pg-native "--banner:js=${banner}" --outfile=dist/orders.mjs`,
  ],
  module: 'dist/orders.mjs',
}

const plain = (name: string, file: string, code: string): Shape => ({
  name: `plain JavaScript, ${name}`,
  files: { 'package.json': manifest(), [file]: code },
  installs: ['npm install PACKED pg'],
  builds: [],
  module: file,
})

/** Each package sees what it names, and nothing else. */
const pnpm: Shape = {
  name: 'pnpm, strict',
  files: { 'package.json': manifest(), '.npmrc': 'hoist=false\n', 'orders.mjs': esModule },
  installs: ['npx --yes pnpm@9 add PACKED pg'],
  builds: [],
  module: 'orders.mjs',
}

const yarn = 'npx --yes --package=@yarnpkg/cli-dist@4 yarn'

/** There is no node_modules: a package finds what its manifest names. */
const pnp: Shape = {
  name: "Yarn Plug'n'Play",
  files: {
    'package.json': manifest(),
    'yarn.lock': '',
    '.yarnrc.yml': 'nodeLinker: pnp\nenableGlobalCache: true\nenableTelemetry: false\n',
    'orders.cjs': commonjs,
  },
  installs: [`${yarn} add pg-thaw@file:PACKED pg`],
  builds: [],
  module: 'orders.cjs',
  preload: '.pnp.cjs',
}

export const shapes: readonly Shape[] = [
  sam,
  cdk,
  serverless,
  nest,
  esm,
  plain('CommonJS', 'orders.cjs', commonjs),
  plain('ES modules', 'orders.mjs', esModule),
  pnpm,
  pnp,
]
