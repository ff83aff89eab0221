import { useState } from 'preact/hooks'
import { type DeadLetter, type List, QUEUES } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { FormDialog, textOf } from '../ui/form-dialog.tsx'
import { Loaded, useLoaded } from '../ui/loaded.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import { ShownLetter } from './letter.tsx'
import './dead-letters.css'

type Asked = { readonly what: 'show' | 'drop'; readonly letter: DeadLetter }

/** Lists queue entries that failed each time, as the API does: the 100 oldest. */
export default function DeadLettersPage() {
  const { api, t } = useConsole()
  const letters = useLoaded('dead-letters', (signal) => api.get<List<DeadLetter>>('/dead-letters', {}, signal))
  const [redriving, setRedriving] = useState(false)
  const any = (letters.value?.data.length ?? 0) > 0
  return (
    <div class="page dead-letters-page">
      <PageHead title={t('dead-letters.title')}>
        <button type="button" class="button" onClick={letters.reload}>
          {t('dead-letters.reload')}
        </button>
        {any && (
          <button type="button" class="button primary" onClick={() => setRedriving(true)}>
            {t('dead-letters.redrive-all')}
          </button>
        )}
      </PageHead>
      <Loaded of={letters}>{(list) => <Letters list={list} reload={letters.reload} />}</Loaded>
      {redriving && <RedriveAll onDone={letters.reload} onClose={() => setRedriving(false)} />}
    </div>
  )
}

type LettersProps = { readonly list: List<DeadLetter>; readonly reload: () => void }

function Letters({ list: { data, has_more }, reload }: LettersProps) {
  const { t } = useConsole()
  const [asked, setAsked] = useState<Asked>()
  const columns = useColumns(setAsked, reload)
  const close = () => setAsked(undefined)
  return (
    <>
      {data.length === 0 ? (
        <Empty title={t('dead-letters.none')}>
          <p>{t('dead-letters.none-lead')}</p>
        </Empty>
      ) : (
        <>
          <p class="hint">{t('dead-letters.lead')}</p>
          <DataTable label={t('dead-letters.title')} columns={columns} rows={data} keyOf={({ id }) => id} />
        </>
      )}
      {has_more && <p class="hint oldest">{t('dead-letters.oldest')}</p>}
      {asked?.what === 'show' && <ShownLetter letter={asked.letter} onClose={close} />}
      {asked?.what === 'drop' && <DropLetter letter={asked.letter} onDropped={reload} onClose={close} />}
    </>
  )
}

function useColumns(ask: (asked: Asked) => void, reload: () => void): readonly Column<DeadLetter>[] {
  const { api, notices, t } = useConsole()
  const redrive = async (id: string) => {
    try {
      await api.post(`/dead-letters/${id}/redrive`)
      notices.done(t('dead-letters.redriven', { count: 1 }))
    } catch (error) {
      notices.failed(error)
    }
    reload()
  }
  return [
    { head: t('dead-letters.queue'), kind: 'main', cell: ({ queue }) => <strong>{queue}</strong> },
    { head: t('dead-letters.reason'), cell: ({ reason }) => <span>{reason ?? t('dead-letters.no-reason')}</span> },
    { head: t('dead-letters.queued'), cell: ({ queued_at }) => <Time at={queued_at} long /> },
    {
      head: t('list.actions'),
      kind: 'actions',
      cell: (letter) => (
        <>
          <button type="button" class="button quiet small" onClick={() => ask({ what: 'show', letter })}>
            {t('dead-letters.show')} <span class="spoken">{letter.queue}</span>
          </button>
          <button type="button" class="button quiet small" onClick={() => void redrive(letter.id)}>
            {t('dead-letters.redrive')} <span class="spoken">{letter.queue}</span>
          </button>
          <button type="button" class="button quiet small" onClick={() => ask({ what: 'drop', letter })}>
            {t('dead-letters.drop')} <span class="spoken">{letter.queue}</span>
          </button>
        </>
      ),
    },
  ]
}

type DropProps = { readonly letter: DeadLetter; readonly onDropped: () => void; readonly onClose: () => void }

function DropLetter({ letter, onDropped, onClose }: DropProps) {
  const { api, notices, t } = useConsole()
  const drop = async () => {
    await api.delete(`/dead-letters/${letter.id}`)
    onClose()
    onDropped()
    notices.done(t('dead-letters.dropped'))
  }
  return (
    <FormDialog
      title={t('dead-letters.drop-title')}
      submit={t('dead-letters.drop')}
      danger
      act={drop}
      onClose={onClose}
    >
      <p>{t('dead-letters.drop-ask', { queue: letter.queue })}</p>
    </FormDialog>
  )
}

type RedriveProps = { readonly onDone: () => void; readonly onClose: () => void }

function RedriveAll({ onDone, onClose }: RedriveProps) {
  const { api, notices, t } = useConsole()
  const redrive = async (form: FormData) => {
    const queue = textOf(form, 'queue')
    const { redriven } = await api.post<{ redriven: number }>('/dead-letters/redrive', queue === '' ? {} : { queue })
    onClose()
    onDone()
    notices.done(t('dead-letters.redriven', { count: redriven }))
  }
  const title = t('dead-letters.redrive-all')
  return (
    <FormDialog title={title} submit={t('dead-letters.redrive')} act={redrive} onClose={onClose}>
      <p>{t('dead-letters.redrive-ask')}</p>
      <label class="field">
        <span>{t('dead-letters.queue')}</span>
        <select name="queue">
          <option value="">{t('dead-letters.all-queues')}</option>
          {QUEUES.map((queue) => (
            <option key={queue}>{queue}</option>
          ))}
        </select>
      </label>
    </FormDialog>
  )
}
