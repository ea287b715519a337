/** What becomes of a command of the docs in the tests. */
export type Execution =
  /** Runs in this file, which has the command in it word for word. */
  | { readonly in: string }
  /** Can't run here. */
  | { readonly notHere: string }

const parts = { in: 'package.json' }
const ci = { in: '.ci/run' }
const deployed = { in: 'test/deploy/commands.test.ts' }
const newcomer = { in: 'test/deploy/newcomer.test.ts' }
const local = { in: 'test/deploy/local.test.ts' }
const ownLocal = { in: 'test/local/cli.test.ts' }
const ownPage = { in: 'test/deploy/page-local.test.ts' }
const offline = { in: 'test/deploy/offline.test.ts' }
const zips = { in: 'test/deploy/zips.test.ts' }
const minutes = { notHere: 'takes minutes; parts of the bench run by name' }
const mutants = { notHere: 'takes minutes, and fetches Stryker' }
const ofBudget = { in: 'test/budget/documented.test.ts' }
const soak = { notHere: 'takes minutes; test/soak/soak.test.ts runs it for seconds' }
const account = {
  notHere: 'needs an AWS account; test/serverless packages the same services and checks their templates',
}

const ownAccount = { notHere: 'needs an AWS account; test/deploy/examples.test.ts runs what would be deployed' }
const ownProgram = {
  notHere: 'needs a program that npm does not have; test/deploy/examples.test.ts does what it would, or says what not',
}
const ofExamples = { in: 'test/deploy/examples.test.ts' }

/** Every command of README.md, of the pages beside it and of docs/, and where it runs. */
export const executions: Readonly<Record<string, Execution>> = {
  'npm ci': ci,
  'npm test': ci,
  'npm run test:oldest': ci,
  'npm run test:oldest-pg': ci,
  'npm run test:deploy': ci,

  'npm run demo': deployed,
  'npm run demo -- --json --act open-transaction': deployed,
  'npm run demo -- --svg': { notHere: 'takes minutes, and renews what is committed' },
  'npm run bench': minutes,
  'npm run bench -- --only query-key,query-join,transaction-key,throughput-key': minutes,
  'npm run bench -- --only warm-call,thaw-call,cold-start,token': minutes,
  'npm run bench -- --only thaw-forgotten': minutes,
  'npm run bench -- --only listening-query,listening-call': minutes,
  'npm run bench -- --json --only load,bundle': deployed,
  'npm run bench -- --only acquire-1': deployed,
  'npm run bench -- --only token': deployed,

  'npm run mutate': mutants,
  'npm run mutate -- src/pool/slot.ts': mutants,

  'npm run soak': soak,
  'npm run soak -- --minutes 30 --seed 7': soak,
  'npm run soak -- --minutes 10 --seed 7': soak,

  'npm install pg-thaw pg': newcomer,
  'npm install --save-dev typescript @types/node @types/pg': newcomer,
  'npm install --save-dev esbuild': newcomer,
  'npx esbuild handler.ts --bundle --platform=node --target=node20 --external:pg-native --outfile=handler.cjs':
    newcomer,
  'node try.mjs': newcomer,
  'cp node_modules/pg-thaw/dist/goodbye.mjs dist/': newcomer,

  'npm run package': zips,
  'curl --aws-sigv4 "aws:amz:eu-central-1:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --json \'{"customer":"Ada","lines":[{"product":"tea","quantity":2}]}\' "$HTTP_API_URL/orders"':
    zips,

  'npm run local': local,
  'npm run local -- --port 4000': local,
  'curl http://localhost:3000/orders --json \'{"customer":"Ada","lines":[{"product":"tea","quantity":2}]}\'': local,
  'curl http://localhost:3000/orders/1': local,
  'curl http://localhost:3000/report': local,
  'curl http://localhost:3000/local/queue --data \'{"id":"1"}\'': local,
  'curl --request POST http://localhost:3000/local/schedule': local,
  'curl --request POST "http://localhost:3000/local/burst?orders=8"': local,
  'npx pg-thaw local dist/orders.handler': ownPage,
  'npx pg-thaw local dist/orders.handler --database postgres://shop:secret@localhost:5432/shop': ownPage,
  'npx pg-thaw local dist/orders.handler daily=dist/report.main --event orders=event.json --env-file .env': ownLocal,
  'npx pg-thaw local src/typed.handler --import tsx': ownLocal,
  'curl http://localhost:3000/invoke/orders --json \'{"n":7}\'': ownPage,
  'npx serverless invoke local --stage local --function migrate': offline,
  'npx serverless offline --stage local': offline,

  'npx serverless pg-thaw budget': deployed,
  'npx serverless pg-thaw budget --stage prod': deployed,
  'npx serverless pg-thaw budget --stage prod --param proxy=true': deployed,
  'npx serverless deploy': account,
  'npx serverless deploy --stage prod': account,
  'npx serverless deploy --stage prod --param proxy=true': account,
  'npx serverless deploy --stage prod --param deletionProtection=false': account,
  'npx serverless info': account,
  'npx serverless remove': account,
  'npx serverless remove --stage NAME': account,

  // Parts of `npm test`.
  'npm run build': parts,
  'npm run lint': parts,
  'npm run types': parts,
  'npx vitest run test/unit/pool/time.test.ts': { in: 'test/unit/pool/time.test.ts' },
  'npx vitest run test/integration/credentials/tls.test.ts': { in: 'test/integration/credentials/tls.test.ts' },
  'npx vitest run test/pgbouncer': { in: 'test/pgbouncer' },
  'npx vitest run test/unit/replay': { in: 'test/unit/replay' },
  'npx pg-thaw budget template.yml': ofBudget,
  'npx pg-thaw budget .serverless/cloudformation-template-update-stack.json': ofBudget,
  'npx pg-thaw budget cdk.out': ofBudget,
  'npx pg-thaw budget plan.json': ofBudget,
  'npx pg-thaw budget preview.json': ofBudget,
  'npx pg-thaw budget state.json': ofBudget,
  'npx pg-thaw budget --function orders=20 --function report=1 --max 2 --max-connections 400': ofBudget,
  'npx serverless package': ofBudget,
  'npx cdk synth': {
    notHere: 'needs an AWS account where an app looks things up; test/deploy/budget.test.ts runs one',
  },
  'npx sst state export --stage prod > state.json': account,
  'npx sst state export --decrypt': account,
  'npx pg-thaw replay calls.csv': { in: 'test/replay/command.test.ts' },
  'npx pg-thaw doctor "$DATABASE_URL"': { in: 'test/doctor/command.test.ts' },

  // The recipes.
  'psql "$DATABASE_URL" --file=schema.sql': ownProgram,
  'sam build': ownProgram,
  'sam deploy --guided': ownAccount,
  'npx cdk synth --quiet': { in: 'test/examples/support/cdk.ts' },
  'npx cdk deploy': ownAccount,
  'npx cdk destroy': ownAccount,
  'npx sst deploy --stage dev': ownAccount,
  'terraform init': ownProgram,
  'terraform plan -out=plan.out': ownAccount,
  'terraform show -json plan.out > plan.json': ownAccount,
  'terraform apply plan.out': ownAccount,
  'zip --junk-paths orders.zip dist/*': ownProgram,
  'aws lambda create-function --cli-input-json file://function.json --zip-file fileb://orders.zip': ownAccount,
  'aws lambda put-function-concurrency --function-name orders --reserved-concurrent-executions 20': ownAccount,
  'aws lambda create-function-url-config --function-name orders --auth-type AWS_IAM': ownAccount,
  'aws rds-data execute-statement --resource-arn "$DATABASE_ARN" --secret-arn "$SECRET_ARN" --database orders --sql "$(cat schema.sql)"':
    ownAccount,
  'curl --aws-sigv4 "aws:amz:eu-central-1:lambda" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --json \'{"customer":"Ada","product":"tea"}\' "$ORDERS_URL"':
    ownAccount,
  'curl --aws-sigv4 "aws:amz:eu-central-1:lambda" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$ORDERS_URL?customer=Ada"':
    ownAccount,
  'npx sst state export --stage dev > state.json': ownAccount,
  'npx pg-thaw budget': ofBudget,
  'npx pg-thaw budget --function orders=20 --max 1 --max-connections 100': ofExamples,
  'npx pg-thaw budget template.yaml --max-connections 100': ofExamples,
  'npx pg-thaw budget plan.json --max-connections 100': ofBudget,
}
