import { afterEach } from 'vitest'

/** Sets and, for `undefined`, removes environment variables; they are as before when the test is over. */
export function useEnvironmentVariables(): (variables: Readonly<Record<string, string | undefined>>) => void {
  const before = new Map<string, string | undefined>()
  const assign = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  afterEach(() => {
    for (const [name, value] of before) assign(name, value)
    before.clear()
  })
  return (variables) => {
    for (const [name, value] of Object.entries(variables)) {
      if (!before.has(name)) before.set(name, process.env[name])
      assign(name, value)
    }
  }
}

/** AWS's variables that change where credentials come from, all removed. */
export const noAwsVariables = {
  AWS_REGION: undefined,
  AWS_DEFAULT_REGION: undefined,
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
  AWS_ENDPOINT_URL: undefined,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: undefined,
  AWS_CONTAINER_CREDENTIALS_FULL_URI: undefined,
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: undefined,
  AWS_CONTAINER_AUTHORIZATION_TOKEN: undefined,
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: undefined,
}
