/// <reference path="./.sst/platform/config.d.ts" />

/** An orders API, and an Aurora PostgreSQL of its own. */
export default $config({
  app: (input) => ({ name: 'orders', home: 'aws', removal: input.stage === 'production' ? 'retain' : 'remove' }),
  async run() {
    // The NAT is the function's way to Secrets Manager.
    const vpc = new sst.aws.Vpc('Network', { nat: 'ec2' })
    const database = new sst.aws.Aurora('Database', {
      engine: 'postgres',
      database: 'orders',
      scaling: { min: '0.5 ACU', max: '2 ACU' },
      // For the schema, by `aws rds-data`.
      dataApi: true,
      vpc,
    })
    const orders = new sst.aws.Function('Orders', {
      handler: 'src/orders.handler',
      runtime: 'nodejs24.x',
      architecture: 'arm64',
      memory: '256 MB',
      timeout: '10 seconds',
      url: { authorization: 'iam' },
      // With PG_THAW_MAX the budget: 20 environments, one session each.
      concurrency: { reserved: 20 },
      vpc,
      nodejs: {
        // pg asks for the one if it is there; the other one Lambda's Node.js has.
        esbuild: { external: ['pg-native', '@aws-sdk/*'] },
        sourcemap: true,
      },
      environment: {
        DB_HOST: database.host,
        DB_NAME: database.database,
        DB_SECRET: database.secretArn,
        PG_THAW_MAX: '1',
        NODE_OPTIONS: '--enable-source-maps',
      },
      permissions: [{ actions: ['secretsmanager:GetSecretValue'], resources: [database.secretArn] }],
    })
    return { url: orders.url, database: database.clusterArn, secret: database.secretArn }
  },
})
