import { registerGoodbye } from './lambda/goodbye.js'

// Importing this module is enough: init waits for it, and so for the registration.
await registerGoodbye()

export { registerGoodbye }
