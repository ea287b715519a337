// The example service as an app of CDK: `npm run synth -- DIRECTORY`. The database in one stack, the functions in another, the report in
// a stack nested in that; a bucket that brings along a function of CDK's own.
const { App, NestedStack, RemovalPolicy, Stack } = require('aws-cdk-lib')
const { SubnetType, Vpc } = require('aws-cdk-lib/aws-ec2')
const { Code, Function: LambdaFunction, Runtime } = require('aws-cdk-lib/aws-lambda')
const {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
} = require('aws-cdk-lib/aws-rds')
const { Bucket } = require('aws-cdk-lib/aws-s3')

const vpcSubnets = { subnetType: SubnetType.PRIVATE_ISOLATED }

class Database extends Stack {
  constructor(scope, id) {
    super(scope, id)
    const vpc = new Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'private', ...vpcSubnets }],
    })
    this.cluster = new DatabaseCluster(this, 'Cluster', {
      engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_16_6 }),
      vpc,
      vpcSubnets,
      writer: ClusterInstance.serverlessV2('writer'),
      serverlessV2MinCapacity: 1,
      serverlessV2MaxCapacity: 8,
    })
    new Bucket(this, 'Exports', { autoDeleteObjects: true, removalPolicy: RemovalPolicy.DESTROY })
  }
}

/** A function whose pool has one connection. */
function pooled(scope, id, host, reservedConcurrentExecutions) {
  return new LambdaFunction(scope, id, {
    runtime: Runtime.NODEJS_22_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = async () => {}'),
    reservedConcurrentExecutions,
    environment: { PGHOST: host, PG_THAW_MAX: '1' },
  })
}

class Reports extends NestedStack {
  constructor(scope, id, host) {
    super(scope, id)
    pooled(this, 'DailyReport', host, 1)
  }
}

class Api extends Stack {
  constructor(scope, id, { cluster }) {
    super(scope, id)
    const host = cluster.clusterEndpoint.hostname
    pooled(this, 'Orders', host, 200).addAlias('live', { provisionedConcurrentExecutions: 5 })
    pooled(this, 'FulfilOrders', host, 50)
    pooled(this, 'Migrate', host, 1)
    new Reports(this, 'Reports', host)
  }
}

const app = new App({
  outdir: process.argv[2] ?? 'cdk.out',
  treeMetadata: false,
  analyticsReporting: false,
})
new Api(app, 'Api', new Database(app, 'Database'))
app.synth()
