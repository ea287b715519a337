// What SST 4 declares of the components that examples/sst/sst.config.ts uses, by its documentation: its own declarations come with its
// program, which fetches what it needs when it runs.
import type { BuildOptions } from 'esbuild'

interface Output<T> {
  apply<U>(change: (value: T) => U): Output<U>
}
type Input<T> = T | Output<T>
type Size = `${number} MB` | `${number} GB`

interface Vpc {
  readonly id: Output<string>
}

declare global {
  namespace sst {
    namespace aws {
      const Vpc: new (name: string, args?: { nat?: Input<'ec2' | 'managed'> }) => Vpc
      const Aurora: new (
        name: string,
        args: {
          engine: Input<'postgres' | 'mysql'>
          database?: Input<string>
          scaling?: Input<{ min?: Input<`${number} ACU`>; max?: Input<`${number} ACU`> }>
          dataApi?: Input<boolean>
          vpc: Vpc
        },
      ) => Record<'host' | 'database' | 'clusterArn' | 'secretArn', Output<string>>
      // biome-ignore lint/suspicious/noShadowRestrictedNames: it is SST's name.
      const Function: new (
        name: string,
        args: {
          handler: Input<string>
          runtime?: Input<'nodejs20.x' | 'nodejs22.x' | 'nodejs24.x'>
          architecture?: Input<'x86_64' | 'arm64'>
          memory?: Input<Size>
          timeout?: Input<`${number} ${'second' | 'seconds' | 'minute' | 'minutes'}`>
          url?: Input<boolean | { authorization?: Input<'none' | 'iam'> }>
          concurrency?: Input<{ reserved?: Input<number>; provisioned?: Input<number> }>
          vpc?: Vpc
          nodejs?: Input<{
            esbuild?: Input<Pick<BuildOptions, 'external' | 'keepNames' | 'target'>>
            format?: Input<'cjs' | 'esm'>
            minify?: Input<boolean>
            sourcemap?: Input<boolean>
          }>
          environment?: Input<Record<string, Input<string>>>
          permissions?: Input<{ actions: string[]; resources: Input<string>[] }[]>
          copyFiles?: Input<{ from: Input<string>; to?: Input<string> }[]>
        },
      ) => { readonly url: Output<string> }
    }
  }
  function $config(config: {
    app(input: { readonly stage: string }): { name: string; home: 'aws'; removal?: 'remove' | 'retain' | 'retain-all' }
    run(): Promise<Record<string, unknown>>
  }): unknown
}
