export { registerGoodbye } from './lambda/goodbye.js'
