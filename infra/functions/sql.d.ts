/** A file of SQL, which the bundler turns into its text. */
declare module '*.sql' {
  const text: string
  export = text
}
