const { lib } = require('serverless-webpack')

module.exports = {
  mode: 'development',
  devtool: false,
  target: 'node20',
  entry: lib.entries,
  externals: { 'pg-native': 'commonjs pg-native' },
  resolve: { extensions: ['.ts', '.js'] },
  module: { rules: [{ test: /\.ts$/, use: { loader: 'ts-loader', options: { transpileOnly: true } } }] },
  output: { libraryTarget: 'commonjs2', path: `${__dirname}/.webpack`, filename: '[name].js' },
}
