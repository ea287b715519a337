/** The function's timeout, ms. A contender that knows of limits may build its own on it. */
export const functionTimeoutMillis = 3_000

/** Longest that a connection should idle, ms: Lambda's minutes as seconds. Each contender is told in its own way, if it is. */
export const idleLimitMillis = 1_500
