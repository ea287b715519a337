/** A resource as a provider of Terraform has it; Pulumi's are bridged from the same. */
export interface ProviderResource {
  /** Its address: what people and messages call it. */
  readonly id: string
  /** The name that it has in the code. */
  readonly name: string
  /** `aws_lambda_function` */
  readonly type: string
  /** What is known of it. What is known only after a deployment is UNKNOWN, or left out. */
  readonly values: Readonly<Record<string, unknown>>
  /** Addresses of the resources that a value is made from. */
  referencesOf(key: string): readonly string[]
}

/** Stands for what the deployment makes, as an expression that leads to nothing. */
export const UNKNOWN = { Ref: 'what the deployment makes' } as const
