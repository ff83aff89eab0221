/** Shows the left side: search, chips, live mark, and the list or the groups of recipients. */
import { lazy, Suspense } from 'preact/compat'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Named } from '../api/messages.ts'
import { useConsole, useSignedIn } from '../app/console.ts'
import { useShortcuts } from '../app/use-shortcuts.ts'
import { Icon } from '../ui/icon.tsx'
import { Menu } from '../ui/menu.tsx'
import { Empty, Failed, Loading } from '../ui/states.tsx'
import { DeleteDialog } from './delete-dialog.tsx'
import { CHIPS, type Filter, showsEverything } from './filter.ts'
import { Groups } from './groups.tsx'
import { Rows } from './rows.tsx'
import { SelectBar } from './select-bar.tsx'

const Welcome = lazy(() => import('./welcome.tsx'))

type Props = { readonly filter: Filter; readonly openId: string | undefined }

export function ListPane({ filter, openId }: Props) {
  const { router, t } = useConsole()
  const { messages } = useSignedIn()
  const [asked, setAsked] = useState<{ readonly selected: readonly Named[] | undefined }>()
  const grouped = router.current.value.query.group === 'recipient'
  const readAll = useReadAll()
  useShortcuts({
    p: () => (messages.live.value === 'paused' ? messages.resume() : messages.pause()),
    'Shift+R': readAll,
  })
  return (
    <section class="list-pane" aria-label={t('messages.list')}>
      <div class="list-bar">
        <Search />
        <button
          type="button"
          class="button quiet"
          aria-pressed={grouped}
          aria-label={t('messages.group')}
          title={t('messages.group')}
          onClick={() => router.set({ group: grouped ? undefined : 'recipient' })}
        >
          <Icon name="group" />
        </button>
        <LiveMark />
        <ListActions filter={filter} readAll={readAll} removeAll={() => setAsked({ selected: undefined })} />
      </div>
      <Chips filter={filter} />
      <SelectBar remove={() => setAsked({ selected: messages.selection.messages.value })} />
      {grouped ? <Groups /> : <List filter={filter} openId={openId} />}
      {asked && <DeleteDialog {...asked} filter={filter} onClose={() => setAsked(undefined)} />}
    </section>
  )
}

function useReadAll(): () => void {
  const { t, notices } = useConsole()
  const { messages } = useSignedIn()
  return () => {
    messages.markAllRead()
    notices.done(t('messages.read-all'))
  }
}

type ActionsProps = Pick<Props, 'filter'> & { readonly readAll: () => void; readonly removeAll: () => void }

/** Opens a menu of what one can do with all messages of the list. */
function ListActions({ filter, readAll, removeAll }: ActionsProps) {
  const { t } = useConsole()
  const { messages } = useSignedIn()
  const acts: { readonly [name: string]: () => void } = {
    'select-all': () => messages.selection.all(),
    'read-all': readAll,
    'delete-all': removeAll,
  }
  const all = t(showsEverything(filter) ? 'delete.all' : 'delete.all-shown')
  return (
    <Menu
      label={t('messages.actions')}
      trigger={<Icon name="more" />}
      groups={[
        {
          choices: [
            { value: 'select-all', label: t('select.all') },
            { value: 'read-all', label: t('shortcut.read-all') },
            { value: 'delete-all', label: all, danger: true },
          ],
          choose: (name) => acts[name]?.(),
        },
      ]}
    />
  )
}

function List({ filter, openId }: Props) {
  const { router, t } = useConsole()
  const { messages } = useSignedIn()
  const state = messages.state.value
  if (messages.rows.value.length > 0) return <Rows openId={openId} />
  if (state === 'failed') return <Failed error={messages.error} retry={() => void messages.show(filter)} />
  if (state === 'loading') return <Loading />
  if (messages.hasMore.value) {
    return (
      <Empty title={t('messages.none')}>
        <button type="button" class="button" onClick={() => void messages.more()}>
          {t('shell.more')}
        </button>
      </Empty>
    )
  }
  if (showsEverything(filter)) {
    return (
      <Suspense fallback={<Loading />}>
        <Welcome />
      </Suspense>
    )
  }
  return (
    <Empty title={t('messages.none')}>
      <button type="button" class="button" onClick={() => router.set({ show: undefined, q: undefined })}>
        {t('messages.clear')}
      </button>
    </Empty>
  )
}

const TYPED_MS = 200

/** Searches while somebody types, once they stop for a moment. */
function Search() {
  const { router, t } = useConsole()
  const field = useRef<HTMLInputElement>(null)
  const timer = useRef<number | undefined>(undefined)
  useShortcuts({ '/': () => field.current?.focus() })
  const { path, query } = router.current.value
  // Whoever follows a link in the meantime does not want that search any more; a chip goes together with it.
  const place = JSON.stringify([path, query.q, query.group])
  useEffect(() => () => clearTimeout(timer.current), [place])
  const search = (q: string) => router.set({ q: q.trim() || undefined, group: undefined })
  return (
    <search class="search">
      <Icon name="search" />
      <input
        ref={field}
        class="input"
        type="search"
        aria-label={t('shortcut.search')}
        placeholder={t('messages.search')}
        maxLength={200}
        value={query.q ?? ''}
        onInput={({ currentTarget }) => {
          const typed = currentTarget.value
          clearTimeout(timer.current)
          timer.current = window.setTimeout(() => search(typed), TYPED_MS)
        }}
      />
    </search>
  )
}

function Chips({ filter }: { readonly filter: Filter }) {
  const { router, t } = useConsole()
  return (
    <fieldset class="chips" aria-label={t('messages.show')}>
      {CHIPS.map((chip) => (
        <button
          type="button"
          class="filter-chip"
          key={chip}
          aria-pressed={filter.chip === chip}
          onClick={() => router.set({ show: chip === 'all' ? undefined : chip })}
        >
          {t(`messages.show.${chip}`)}
        </button>
      ))}
    </fieldset>
  )
}

/** Says how fresh the list is; a press pauses or resumes it. */
function LiveMark() {
  const { t, notices } = useConsole()
  const { messages } = useSignedIn()
  const live = messages.live.value
  const waiting = messages.waiting.value
  const titles = {
    live: t('live.pause'),
    'catching-up': t('live.pause'),
    retrying: t('live.retrying-hint'),
    paused: waiting > 0 ? t('live.behind', { count: waiting }) : t('live.resume'),
  }
  const text = t(`live.${live}`)
  const isLost = live === 'retrying'
  useEffect(() => {
    if (isLost) notices.say(t('live.retrying'))
  }, [isLost, notices, t])
  return (
    <button
      type="button"
      class={`live-mark ${live}`}
      title={titles[live]}
      aria-pressed={live === 'paused'}
      aria-label={`${text}. ${titles[live]}`}
      onClick={() => (live === 'paused' ? messages.resume() : messages.pause())}
    >
      <span class="dot" aria-hidden="true" />
      {text}
      {live === 'paused' && waiting > 0 && <span class="badge">{waiting}</span>}
    </button>
  )
}
