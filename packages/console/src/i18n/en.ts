/** English, from which the other catalogues take their keys. Each page has a file in `en/`. */
import { messages } from './en/messages.ts'
import { shell } from './en/shell.ts'

export const en = { ...shell, ...messages } as const
