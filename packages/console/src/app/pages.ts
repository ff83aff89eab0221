/** Lists the pages: each has a link in the rail, a letter that opens it after `g`, and code that is loaded on demand. */
import type { ComponentType } from 'preact'
import type { Key } from '../i18n/catalogue.ts'
import type { Identity } from './session.ts'

export type Page = {
  /** The first segment of its URL, and its icon. */
  readonly name: PageName
  readonly title: Key
  readonly letter: string
  readonly load: () => Promise<{ readonly default: ComponentType }>
  /** Tells whether somebody may see it. @default everybody */
  readonly shown?: (who: Identity) => boolean
}

export type PageName = 'messages' | 'domains' | 'keys' | 'webhooks' | 'suppressions' | 'dead-letters' | 'health'

export const PAGES: readonly Page[] = [
  { name: 'messages', title: 'nav.messages', letter: 'm', load: () => import('../messages/page.tsx') },
  { name: 'domains', title: 'nav.domains', letter: 'd', load: () => import('../domains/page.tsx') },
  { name: 'keys', title: 'nav.keys', letter: 'k', load: () => import('../keys/page.tsx') },
  { name: 'webhooks', title: 'nav.webhooks', letter: 'w', load: () => import('../webhooks/page.tsx') },
  { name: 'suppressions', title: 'nav.suppressions', letter: 's', load: () => import('../suppressions/page.tsx') },
  {
    name: 'dead-letters',
    title: 'nav.dead-letters',
    letter: 'l',
    load: () => import('../dead-letters/page.tsx'),
    shown: ({ operator }) => operator,
  },
  { name: 'health', title: 'nav.health', letter: 'h', load: () => import('../health/page.tsx') },
]
