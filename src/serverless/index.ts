import { PgThawPlugin } from './plugin.js'

// The framework takes the module itself for the plugin's class.
export = PgThawPlugin
