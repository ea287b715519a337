const { createWriteStream } = require('node:fs')
const { join } = require('node:path')
const { ZipArchive } = require('archiver')
const { build } = require('esbuild')

const BUILT = join('.serverless', 'build')

/**
 * In place of what the Serverless Framework 4 builds with, which can't be run without an account. It does the same at the same moments:
 * bundles into `.serverless/build`, adds to NODE_OPTIONS, makes zips by names of its own, and hands them over as artifacts.
 */
module.exports = class StandIn {
  constructor(serverless, options) {
    this.service = serverless.service
    this.serviceDir = serverless.serviceDir
    const buildAll = () => this.#buildAll(options.function)
    this.hooks = {
      'before:package:createDeploymentArtifacts': buildAll,
      'before:deploy:function:packageFunction': buildAll,
    }
  }

  async #buildAll(only) {
    const functions = Object.entries(this.service.functions).filter(([name]) => only === undefined || name === only)
    for (const [, configuration] of functions) {
      const stem = configuration.handler.replace(/\.[^.]+$/, '')
      await build({
        entryPoints: [join(this.serviceDir, `${stem}.ts`)],
        outfile: join(this.serviceDir, BUILT, `${stem}.js`),
        bundle: true,
        sourcemap: true,
        platform: 'node',
        external: ['@aws-sdk/*', 'pg-native'],
        logLevel: 'error',
      })
      const options = configuration.environment?.NODE_OPTIONS
      const withMaps = options === undefined ? '--enable-source-maps' : `${options} --enable-source-maps`
      configuration.environment = { ...configuration.environment, NODE_OPTIONS: withMaps }
    }
    if (!this.service.package.individually) {
      this.service.package.artifact = await this.#zip(this.service.service, functions)
      return
    }
    for (const [name, configuration] of functions) {
      const artifact = await this.#zip(`${this.service.service}-${name}`, [[name, configuration]])
      configuration.package = { artifact }
    }
  }

  async #zip(name, functions) {
    const path = join(this.serviceDir, '.serverless', `${name}.zip`)
    const zip = new ZipArchive()
    const output = createWriteStream(path)
    const closed = new Promise((settle, fail) => output.on('close', settle).on('error', fail))
    zip.pipe(output)
    for (const [, { handler }] of functions) {
      for (const extension of ['.js', '.js.map']) {
        const file = handler.replace(/\.[^.]+$/, extension)
        zip.file(join(this.serviceDir, BUILT, file), { name: file, date: new Date(0) })
      }
    }
    await zip.finalize()
    await closed
    return path
  }
}
