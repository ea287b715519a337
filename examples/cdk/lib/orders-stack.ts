import { dirname, join } from 'node:path'
import { CfnOutput, Duration, Stack } from 'aws-cdk-lib'
import { InterfaceVpcEndpointAwsService, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2'
import { Architecture, FunctionUrlAuthType, Runtime } from 'aws-cdk-lib/aws-lambda'
import { NodejsFunction, type NodejsFunctionProps } from 'aws-cdk-lib/aws-lambda-nodejs'
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
} from 'aws-cdk-lib/aws-rds'
import type { Construct } from 'constructs'

/** What closes the connections when Lambda ends an environment: preloaded by NODE_OPTIONS. */
const goodbye = join(dirname(require.resolve('pg-thaw')), 'goodbye.mjs')

const bundling: NodejsFunctionProps['bundling'] = {
  target: 'node24',
  // pg asks for the one if it is there; the other one Lambda's Node.js has.
  externalModules: ['pg-native', '@aws-sdk/*'],
  sourceMap: true,
  keepNames: true,
  commandHooks: {
    beforeBundling: () => [],
    beforeInstall: () => [],
    afterBundling: (_from, to) => [`cp ${goodbye} ${to}`],
  },
}

/** An orders API, and an Aurora PostgreSQL of its own in a network without a way out. */
export class OrdersStack extends Stack {
  constructor(scope: Construct, id: string) {
    super(scope, id)
    const vpc = new Vpc(this, 'Network', {
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'private', subnetType: SubnetType.PRIVATE_ISOLATED }],
    })
    // Where the function reads its password.
    vpc.addInterfaceEndpoint('Secrets', { service: InterfaceVpcEndpointAwsService.SECRETS_MANAGER })

    const database = new DatabaseCluster(this, 'Database', {
      engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_17_5 }),
      defaultDatabaseName: 'orders',
      writer: ClusterInstance.serverlessV2('writer'),
      serverlessV2MinCapacity: 0.5,
      serverlessV2MaxCapacity: 2,
      storageEncrypted: true,
      // For the schema, by `aws rds-data`.
      enableDataApi: true,
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
    })
    const { secret } = database
    if (secret === undefined) throw new Error('The cluster makes its own')

    const orders = new NodejsFunction(this, 'OrdersFunction', {
      entry: 'src/orders.ts',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout: Duration.seconds(10),
      // With PG_THAW_MAX the budget: 20 environments, one session each.
      reservedConcurrentExecutions: 20,
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      bundling,
      environment: {
        DB_HOST: database.clusterEndpoint.hostname,
        DB_NAME: 'orders',
        DB_SECRET: secret.secretArn,
        PG_THAW_MAX: '1',
        NODE_OPTIONS: '--import=/var/task/goodbye.mjs --enable-source-maps',
      },
    })
    secret.grantRead(orders)
    database.connections.allowDefaultPortFrom(orders)

    const { url } = orders.addFunctionUrl({ authType: FunctionUrlAuthType.AWS_IAM })
    new CfnOutput(this, 'OrdersUrl', { value: url })
    new CfnOutput(this, 'DatabaseArn', { value: database.clusterArn })
    new CfnOutput(this, 'SecretArn', { value: secret.secretArn })
  }
}
