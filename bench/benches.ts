import type { Bench } from './bench.js'
import { acquire } from './benches/acquire.js'
import { acquire16 } from './benches/acquire-16.js'
import { bundle } from './benches/bundle.js'
import { calls } from './benches/calls.js'
import { coldStart } from './benches/cold-start.js'
import { fanout20, fanout100 } from './benches/fanout.js'
import { handover } from './benches/handover.js'
import { headOfLine } from './benches/head-of-line.js'
import { heap } from './benches/heap.js'
import { lambdaCall } from './benches/lambda-call.js'
import { listeningCall, listeningQuery } from './benches/listening.js'
import { load } from './benches/load.js'
import { queryJoin, queryKey } from './benches/query-key.js'
import { querySequential } from './benches/query-sequential.js'
import { replace } from './benches/replace.js'
import { thawCall } from './benches/thaw-call.js'
import { thawForgotten } from './benches/thaw-forgotten.js'
import { throughput1, throughput4, throughput10 } from './benches/throughput.js'
import { throughputKey } from './benches/throughput-key.js'
import { token } from './benches/token.js'
import { transactionKey } from './benches/transaction-key.js'
import { warmCall } from './benches/warm-call.js'
import { wrapper } from './benches/wrapper.js'

/** In the order in which they run. */
export const benches: readonly Bench[] = [
  acquire,
  acquire16,
  replace,
  handover,
  heap,
  querySequential,
  queryKey,
  queryJoin,
  transactionKey,
  throughput1,
  throughput4,
  throughput10,
  throughputKey,
  fanout20,
  fanout100,
  headOfLine,
  lambdaCall,
  warmCall,
  thawCall,
  thawForgotten,
  bundle,
  load,
  coldStart,
  token,
  wrapper,
  calls,
  listeningQuery,
  listeningCall,
]
