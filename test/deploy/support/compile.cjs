// Compiles a project by several tsconfig.json in one process: `node compile.cjs <typescript> <project> <name>…`. Prints what the compiler
// has to say, as JSON. Source files are read and parsed once for all that read them alike.
const { relative, join } = require('node:path')

const [api, project, ...names] = process.argv.slice(2)
const ts = require(api)
const parsed = new Map()
const complaints = []

for (const name of names) {
  const path = join(project, `tsconfig.${name}.json`)
  const { options, fileNames, errors } = ts.getParsedCommandLineOfConfigFile(
    path,
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (it) => complaints.push(complaint(name, it)) },
  )
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile
  host.getSourceFile = (file, how, ...rest) => {
    const key = JSON.stringify([file, how])
    if (!parsed.has(key)) parsed.set(key, read.call(host, file, how, ...rest))
    return parsed.get(key)
  }
  const program = ts.createProgram(fileNames, options, host)
  complaints.push(...[...errors, ...ts.getPreEmitDiagnostics(program)].map((it) => complaint(name, it)))
}
process.stdout.write(JSON.stringify(complaints))

function complaint(name, { file, code, messageText }) {
  const text = `error TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  return { name, file: file ? relative(project, file.fileName) : '', text }
}
