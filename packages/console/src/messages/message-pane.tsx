/** Shows the right side: who wrote to whom, what one can do, and the views of the message. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { type Named, pathOf, type Tag } from '../api/messages.ts'
import { type Console, useConsole, useSignedIn } from '../app/console.ts'
import { Icon } from '../ui/icon.tsx'
import { Loaded, useLoaded } from '../ui/loaded.tsx'
import { type Tab, Tabs } from '../ui/tabs.tsx'
import { Time } from '../ui/time.tsx'
import { Actions } from './actions.tsx'
import { bareAddress } from './address.ts'
import { AttachmentsView, HeadersView, SourceView, TextView } from './content-views.tsx'
import { textOfTag } from './filter.ts'
import { type Head, headOf, type Whole } from './head.ts'
import { Preview } from './preview.tsx'
import { DirectionMark, StatusChip } from './status.tsx'
import { Timeline } from './timeline.tsx'

export function MessagePane(named: Named) {
  const { api } = useConsole()
  const { messages } = useSignedIn()
  const listed = messages.rows.value.find(({ id }) => id === named.id)
  // Lists are cut to ten recipients, so the message itself is asked for all of them, and again when its status changes.
  const whole = useLoaded(`${named.id} ${listed?.last_event} ${listed?.captured}`, (signal) =>
    api.get<Whole>(pathOf(named), named.direction === 'received' ? { html_format: 'cid' } : {}, signal),
  )
  const [last, setLast] = useState<Head | undefined>(listed)
  useEffect(() => {
    if (whole.value) setLast(headOf(named, whole.value))
  }, [whole.value])
  if (last) return <Shown head={last} />
  return <Loaded of={whole}>{(value) => <Shown head={headOf(named, value)} />}</Loaded>
}

function Shown({ head }: { readonly head: Head }) {
  const { router, t } = useConsole()
  const tabs = tabsOf(head, t)
  const tab = router.current.value.query.tab
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    // On a narrow screen the list is gone, and the focus with it.
    if (document.activeElement === document.body) heading.current?.focus()
  }, [])
  return (
    <article class="message">
      <header class="message-head">
        <div class="message-title">
          <a
            class="button quiet back"
            href={router.href(['messages'], router.current.value.query)}
            aria-label={t('shell.back')}
          >
            <Icon name="back" />
          </a>
          <DirectionMark message={head} />
          <h2 ref={heading} tabIndex={-1}>
            {head.subject || t('messages.no-subject')}
          </h2>
          {head.last_event && <StatusChip status={head.last_event} />}
          <Actions head={head} />
        </div>
        <dl class="message-facts">
          <Addresses name={t('message.from')} list={[head.from]} search="from" />
          <Addresses name={t('message.to')} list={head.to} search="to" />
          <Addresses name={t('message.cc')} list={head.cc} search="to" />
          <Addresses name={t('message.bcc')} list={head.bcc} search="to" />
          <div>
            <dt>{t('message.time')}</dt>
            <dd>
              <Time at={head.created_at} long />
            </dd>
          </div>
          <Tags list={head.tags} />
        </dl>
      </header>
      <Tabs
        label={t('message.tabs')}
        list={tabs}
        value={tabs.some(({ value }) => value === tab) ? (tab ?? 'preview') : 'preview'}
        onChange={(value) => router.set({ tab: value === 'preview' ? undefined : value })}
      />
    </article>
  )
}

function tabsOf(head: Head, t: Console['t']): readonly Tab[] {
  return [
    { value: 'preview', label: t('message.preview'), panel: () => <Preview of={head} /> },
    { value: 'text', label: t('message.text'), panel: () => <TextView of={head} /> },
    { value: 'source', label: t('message.source'), panel: () => <SourceView of={head} /> },
    { value: 'headers', label: t('message.headers'), panel: () => <HeadersView of={head} /> },
    { value: 'attachments', label: t('message.attachments'), panel: () => <AttachmentsView of={head} /> },
    { value: 'timeline', label: t('message.timeline'), panel: () => <Timeline of={head} /> },
  ]
}

const MAX_SEARCH = 200

/** Lists tags, each of which searches for the other messages that have it. */
function Tags({ list }: { readonly list: readonly Tag[] }) {
  const { router, t } = useConsole()
  if (list.length === 0) return null
  return (
    <div>
      <dt>{t('message.tags')}</dt>
      <dd class="tags">
        {list.map((tag) => (
          <a
            class="chip"
            key={textOfTag(tag)}
            href={router.href(['messages'], { q: `tag:${textOfTag(tag)}`.slice(0, MAX_SEARCH) })}
            title={t('message.find-tag', { tag: textOfTag(tag) })}
          >
            {tag.name}: {tag.value}
          </a>
        ))}
      </dd>
    </div>
  )
}

type AddressesProps = {
  readonly name: string
  readonly list: readonly string[] | null | undefined
  readonly search: 'from' | 'to'
}

/** Lists addresses, each of which searches for its other messages. */
function Addresses({ name, list, search }: AddressesProps) {
  const { router, t } = useConsole()
  if (!list || list.length === 0) return null
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {list.map((address) => (
          <a
            class="address"
            key={address}
            href={router.href(['messages'], { q: `${search}:${bareAddress(address)}` })}
            title={t('message.find-address', { address: bareAddress(address) })}
          >
            {address}
          </a>
        ))}
      </dd>
    </div>
  )
}
