export { Refusal } from './refusal.js'
export { type Local, type LocalOptions, startLocal } from './service.js'
