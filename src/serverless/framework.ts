/** As much of the Serverless Framework as the plugin uses: what osls, version 3 and version 4 have in common. */
export interface Serverless {
  readonly serviceDir: string
  readonly configurationFilename?: string
  /** The configuration as it was read; variables may be unresolved. */
  readonly configurationInput?: unknown
  readonly processedInput?: { readonly commands?: readonly string[] }
  readonly service: {
    readonly provider: {
      readonly compiledCloudFormationTemplate?: unknown
      /** What Lambda says of the function that is deployed alone. */
      readonly remoteFunctionData?: unknown
      readonly environment?: Record<string, unknown>
      readonly runtime?: unknown
      readonly memorySize?: unknown
      readonly stackParameters?: unknown
    }
    readonly custom?: Record<string, unknown>
    readonly functions: Record<string, FunctionConfiguration>
    readonly resources?: unknown
    readonly package?: PackageConfiguration
  }
  readonly configSchemaHandler: { defineCustomProperties(schema: object): void }
  readonly classes: { readonly Error: new (message: string, code: string) => Error }
  getProvider(name: 'aws'): {
    readonly naming: {
      getLambdaLogicalId(functionName: string): string
      getFunctionArtifactName(functionName: string): string
    }
    /** The runtime of a function that says it, or not. */
    getRuntime(own: unknown): unknown
  }
}

/** One entry of `functions:`. */
export interface FunctionConfiguration {
  readonly image?: unknown
  readonly runtime?: unknown
  handler?: string
  readonly reservedConcurrency?: unknown
  readonly provisionedConcurrency?: unknown
  readonly memorySize?: unknown
  readonly condition?: unknown
  readonly events?: unknown
  environment?: Record<string, unknown>
  readonly package?: PackageConfiguration
}

interface PackageConfiguration {
  readonly artifact?: string
}

/** The third argument of a plugin's constructor. */
export interface PluginOutput {
  readonly log: { notice(text: string): void; warning(text: string): void }
  writeText?(text: string): void
}
