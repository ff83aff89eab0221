/** Gives every part of the page what it needs: main.tsx makes it once, and contexts pass it down. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Api } from '../api/client.ts'
import type { Language, Translate } from '../i18n/language.ts'
import type { MessageList } from '../messages/message-list.ts'
import type { Notices } from './notices.ts'
import type { Preferences } from './preferences.ts'
import type { Router } from './router.ts'
import type { Identity, Session } from './session.ts'

export type Console = {
  readonly api: Api
  readonly session: Session
  readonly router: Router
  readonly language: Language
  readonly t: Translate
  readonly preferences: Preferences
  readonly notices: Notices
}

/** Exists while somebody is signed in. */
export type SignedIn = {
  readonly who: Identity
  readonly messages: MessageList
}

export const ConsoleContext = createContext<Console | undefined>(undefined)
export const SignedInContext = createContext<SignedIn | undefined>(undefined)

export const useConsole = () => given(useContext(ConsoleContext))
export const useSignedIn = () => given(useContext(SignedInContext))

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('this component is outside the part of the page that it belongs to')
  return value
}
