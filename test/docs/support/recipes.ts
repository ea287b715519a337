import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The examples: each has a recipe of its name. */
export const examples = readdirSync('examples', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort()

export const toolRecipes = examples.map((name) => join('docs', 'recipes', `${name}.md`))

/** The recipes of databases. */
export const databaseRecipes = readdirSync(join('docs', 'recipes'))
  .map((name) => join('docs', 'recipes', name))
  .filter((path) => !toolRecipes.includes(path))
