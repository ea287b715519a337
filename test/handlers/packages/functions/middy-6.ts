import middy from 'middy-6'
import { madeWith } from '../../functions/middy'

export const { outermost, usedAfterwards, byMiddleware } = madeWith(middy)
