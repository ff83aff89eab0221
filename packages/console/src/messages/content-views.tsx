/** Shows what a message is made of: its text, its source, its headers, its attachments and parts. */
import { useState } from 'preact/hooks'
import { type Attachment, type Content, type Part, pathOf, type Source, type Summary } from '../api/messages.ts'
import { useConsole } from '../app/console.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Icon } from '../ui/icon.tsx'
import { Loaded, useLoaded } from '../ui/loaded.tsx'
import { Scroll } from '../ui/scroll.tsx'
import { Empty } from '../ui/states.tsx'

type Props = { readonly of: Pick<Summary, 'direction' | 'id'> }

export function useContent(of: Props['of']) {
  const { api } = useConsole()
  return useLoaded(`content ${of.id}`, (signal) => api.get<Content>(`${pathOf(of)}/content`, {}, signal))
}

export function TextView({ of }: Props) {
  const { t } = useConsole()
  return (
    <Loaded of={useContent(of)}>
      {({ text, truncated }) =>
        text === null ? (
          <Empty title={t(truncated.includes('text') ? 'text.too-long' : 'text.none')} />
        ) : (
          <div class="plain">
            <CopyButton text={text} />
            <Scroll>{text}</Scroll>
          </div>
        )
      }
    </Loaded>
  )
}

export function SourceView({ of }: Props) {
  const { api, t, language } = useConsole()
  const source = useLoaded(`source ${of.id}`, (signal) => api.get<Source>(`${pathOf(of)}/source`, {}, signal))
  return (
    <Loaded of={source}>
      {(value) => (
        <div class="plain">
          {value.truncated && (
            <p class="hint">
              {t('source.cut', { size: language.bytes(value.size) })}{' '}
              <a href={value.download_url}>{t('message.download')}</a>
            </p>
          )}
          <CopyButton text={readable(value.source)} />
          <Scroll>{readable(value.source)}</Scroll>
        </div>
      )}
    </Loaded>
  )
}

/** Decodes octets that are UTF-8. */
function readable(octets: string): string {
  return new TextDecoder().decode(Uint8Array.from(octets, (one) => one.charCodeAt(0)))
}

export function HeadersView({ of }: Props) {
  const { t } = useConsole()
  const [filter, setFilter] = useState('')
  const wanted = filter.toLowerCase()
  return (
    <Loaded of={useContent(of)}>
      {({ headers }) => (
        <div class="padded">
          <input
            class="input"
            type="search"
            aria-label={t('headers.filter')}
            placeholder={t('headers.filter')}
            value={filter}
            onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          />
          <table class="table headers">
            <thead>
              <tr>
                <th scope="col">{t('headers.name')}</th>
                <th scope="col">{t('headers.value')}</th>
              </tr>
            </thead>
            <tbody>
              {headers
                .filter(({ name, value }) => `${name}: ${value}`.toLowerCase().includes(wanted))
                .map(({ name, value }, index) => (
                  <tr key={`${index} ${name}`}>
                    <th scope="row">{name}</th>
                    <td>{value}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      )}
    </Loaded>
  )
}

export function AttachmentsView({ of }: Props) {
  const { t } = useConsole()
  return (
    <Loaded of={useContent(of)}>
      {({ attachments, structure }) => (
        <div class="padded">
          {attachments.length === 0 && <Empty title={t('attachments.none')} />}
          <ul class="attachments">
            {attachments.map((one) => (
              <li key={one.id}>
                <AttachmentButton of={of} attachment={one} />
              </li>
            ))}
          </ul>
          {structure && (
            <>
              <h3>{t('attachments.structure')}</h3>
              <ul class="structure">
                <PartItem part={structure} />
              </ul>
            </>
          )}
        </div>
      )}
    </Loaded>
  )
}

/** The link is asked for when it is used: it is valid for an hour, and on AWS each is a copy of the attachment. */
function AttachmentButton({ of, attachment }: Props & { readonly attachment: Attachment }) {
  const { api, t, language, notices } = useConsole()
  const { id, filename, content_type, content_disposition, size } = attachment
  const name = filename ?? t('attachments.unnamed')
  const download = async () => {
    try {
      const { download_url } = await api.get<{ readonly download_url: string }>(`${pathOf(of)}/attachments/${id}`)
      window.location.assign(download_url)
    } catch (error) {
      notices.failed(error)
    }
  }
  return (
    <button
      type="button"
      class="attachment"
      aria-label={t('attachments.download', { name })}
      onClick={() => void download()}
    >
      <Icon name="clip" />
      <span class="attachment-name">{name}</span>
      <span class="hint">
        {content_type} · {language.bytes(size)}
        {content_disposition === 'inline' && ` · ${t('attachments.inline')}`}
      </span>
      <Icon name="download" />
    </button>
  )
}

function PartItem({ part }: { readonly part: Part }) {
  const { language } = useConsole()
  const facts = [part.charset, part.encoding, part.disposition, part.filename, language.bytes(part.size)]
  return (
    <li>
      <code>{part.content_type}</code> <span class="hint">{facts.filter(Boolean).join(' · ')}</span>
      {part.parts && part.parts.length > 0 && (
        <ul>
          {part.parts.map((one) => (
            <PartItem key={one.part} part={one} />
          ))}
        </ul>
      )}
    </li>
  )
}
