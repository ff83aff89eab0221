/** Asks whether many messages should be deleted, says how far that is, and lets it be stopped. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Named } from '../api/messages.ts'
import { type Console, useConsole, useSignedIn } from '../app/console.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Failed } from '../ui/states.tsx'
import { type Deletion, deleteAll, findAll, MOST_AT_ONCE } from './delete-many.ts'
import type { Filter } from './filter.ts'

type Props = {
  readonly filter: Filter
  /** The messages to delete; those that the filter shows if it is undefined. */
  readonly selected: readonly Named[] | undefined
  readonly onClose: () => void
}

export function DeleteDialog({ filter, selected, onClose }: Props) {
  const { t } = useConsole()
  const found = useFound(filter, selected)
  const { run, stop, done } = useDeleting(filter, onClose)
  return (
    <Dialog title={t('delete.title')} onClose={stop}>
      {done && found.messages && <Progress done={done} total={found.messages.length} stop={stop} />}
      {!done && found.error !== undefined && <Failed error={found.error} />}
      {!done && found.error === undefined && <Question found={found} run={run} />}
    </Dialog>
  )
}

/** `messages` is undefined while they are being counted. */
type Found = { readonly count: number; readonly messages?: readonly Named[]; readonly error?: unknown }

function useFound(filter: Filter, selected: readonly Named[] | undefined): Found {
  const { api } = useConsole()
  const start = selected && { count: selected.length, messages: selected }
  const [found, setFound] = useState<Found>(start ?? { count: 0 })
  useEffect(() => {
    if (selected) return
    const ended = new AbortController()
    const { signal } = ended
    findAll(api, filter, signal, (count) => setFound({ count })).then(
      (messages) => setFound({ count: messages.length, messages }),
      (error: unknown) => !signal.aborted && setFound({ count: 0, error }),
    )
    return () => ended.abort()
  }, [])
  return found
}

/** Goes on when the dialog is closed only until the requests that are under way have ended. */
function useDeleting(filter: Filter, onClose: () => void) {
  const page = useConsole()
  const { messages } = useSignedIn()
  const [done, setDone] = useState<Deletion>()
  const ended = useRef(new AbortController())
  const stop = () => {
    ended.current.abort()
    onClose()
  }
  const run = async (wanted: readonly Named[]) => {
    setDone({ deleted: new Set(), failed: 0 })
    const end = await deleteAll(page.api, wanted, ended.current.signal, setDone)
    messages.drop(end.deleted)
    messages.selection.clear()
    leaveDeleted(page, end)
    tell(page, end)
    onClose()
    if (messages.rows.value.length === 0) await messages.show(filter)
  }
  return { run, stop, done }
}

/** Closes the message that is open if it was deleted, and gives the list the focus, unless the reader has gone on meanwhile. */
function leaveDeleted({ router }: Console, { deleted }: Deletion): void {
  const { path, query } = router.current.value
  if (deleted.has(path[2] ?? '')) router.go(['messages'], query, { replace: true })
  // The focus went with the dialog, and the button that opened it may be gone.
  setTimeout(() => {
    if (document.activeElement !== document.body) return
    const list =
      document.querySelector<HTMLElement>('.rows') ?? document.querySelector<HTMLElement>('.messages-page h1')
    list?.focus()
  })
}

function tell({ t, notices }: Console, { deleted, failed, error }: Deletion): void {
  const text = t('delete.done', { count: deleted.size })
  notices.done(text)
  notices.say(text)
  if (failed > 0) notices.failed(t('delete.failed', { count: failed, message: error?.message ?? '' }))
}

type QuestionProps = { readonly found: Found; readonly run: (messages: readonly Named[]) => Promise<void> }

function Question({ found: { count, messages }, run }: QuestionProps) {
  const { t } = useConsole()
  const none = messages?.length === 0
  return (
    <>
      <p role="status">{messages ? t(none ? 'messages.none' : 'delete.question', { count }) : t('delete.counting')}</p>
      {!messages && <p class="hint">{t('delete.found', { count })}</p>}
      {messages && !none && <p class="hint">{t('delete.forever')}</p>}
      {count === MOST_AT_ONCE && <p class="hint">{t('delete.most', { count })}</p>}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={(event) => event.currentTarget.closest('dialog')?.close()}>
          {t('shell.cancel')}
        </button>
        <button
          type="button"
          class="button danger"
          disabled={!messages || none}
          onClick={() => void (messages && run(messages))}
        >
          {t('delete.submit')}
        </button>
      </div>
    </>
  )
}

type ProgressProps = { readonly done: Deletion; readonly total: number; readonly stop: () => void }

function Progress({ done: { deleted, failed }, total, stop }: ProgressProps) {
  const { t } = useConsole()
  const button = useRef<HTMLButtonElement>(null)
  // The button that started it is gone.
  useEffect(() => button.current?.focus(), [])
  return (
    <>
      <p class="spoken" role="status">
        {t('delete.running', { count: total })}
      </p>
      <progress
        class="progress"
        max={total}
        value={deleted.size + failed}
        aria-label={t('delete.running', { count: total })}
      />
      <p class="hint">{t('delete.progress', { done: deleted.size, total })}</p>
      <div class="dialog-foot">
        <button type="button" class="button" ref={button} onClick={stop}>
          {t('delete.stop')}
        </button>
      </div>
    </>
  )
}
