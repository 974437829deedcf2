// Drives unmodified Baileys for the interop tests: JSON lines in on stdin, JSON lines out on stdout.
//
//   node driver.mjs FOLDER                     FOLDER holds node_modules/baileys
//   → {"id": 1, "client": "budi", "do": "start", "url": "ws://…"}
//   ← {"id": 1, "result": …}  or  {"id": 1, "error": "…"}
//   ← {"client": "budi", "event": "messages.upsert", "data": …}
//
// Bytes are {"base64": "…"} in both directions. One process holds any number of clients; a client keeps its
// credentials and keys when it is started again. It ends when stdin does.

import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { join, resolve } from 'node:path'

// libsignal prints what it did to stdout, which is ours.
console.log = console.info = console.warn = console.debug = () => {}

const folder = join(resolve(process.argv[2]), 'node_modules')
const load = (path) => import(pathToFileURL(join(folder, path)).href)
const baileys = await load('baileys/lib/index.js')
const { default: pino } = await load('pino/pino.js')
const { makeWASocket, initAuthCreds, BufferJSON, proto } = baileys

const logger = pino({ level: process.env.BAILEYS_LOG ?? 'silent' }, pino.destination(2))
const clients = new Map()

function put(line) {
    process.stdout.write(JSON.stringify(line, shown) + '\n')
}

/** Bytes, errors and 64-bit numbers as JSON. */
function shown(key, value) {
    const before = this[key]
    if (before instanceof Uint8Array) return { base64: Buffer.from(before).toString('base64') }
    if (before instanceof Error) return { message: before.message, status: before.output?.statusCode ?? null }
    if (typeof before === 'bigint') return Number(before)
    return value
}

function read(key, value) {
    const bytes = value !== null && typeof value === 'object' && typeof value.base64 === 'string'
    return bytes ? Buffer.from(value.base64, 'base64') : value
}

/** Keys in memory, kept as text so that nobody changes a stored value by accident. */
function keyStore() {
    const stored = new Map()
    return {
        stored,
        get: async (type, ids) => {
            const found = {}
            for (const id of ids) {
                const text = stored.get(`${type}/${id}`)
                if (text === undefined) continue
                const value = JSON.parse(text, BufferJSON.reviver)
                found[id] =
                    type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value) : value
            }
            return found
        },
        set: async (data) => {
            for (const [type, values] of Object.entries(data)) {
                for (const [id, value] of Object.entries(values)) {
                    if (value) stored.set(`${type}/${id}`, JSON.stringify(value, BufferJSON.replacer))
                    else stored.delete(`${type}/${id}`)
                }
            }
        },
    }
}

class Client {
    constructor(name) {
        this.name = name
        this.creds = initAuthCreds()
        this.keys = keyStore()
        this.messages = new Map()
        this.sock = null
    }

    start({ url, options = {} }) {
        const sock = makeWASocket({
            waWebSocketUrl: url,
            auth: { creds: this.creds, keys: this.keys },
            logger,
            shouldSyncHistoryMessage: () => false,
            fireInitQueries: false,
            markOnlineOnConnect: false,
            retryRequestDelayMs: 50,
            getMessage: async (key) => this.messages.get(key.id)?.message,
            ...options,
        })
        this.sock = sock
        sock.ev.process((events) => {
            if (events['creds.update']) Object.assign(this.creds, events['creds.update'])
            for (const message of events['messages.upsert']?.messages ?? []) this.keep(message)
            for (const [event, data] of Object.entries(events)) {
                if (event !== 'creds.update') put({ client: this.name, event, data })
            }
        })
        return null
    }

    keep(message) {
        if (message?.key?.id && message.message) this.messages.set(message.key.id, message)
    }

    /** Ends the connection and keeps the credentials. */
    stop() {
        this.sock?.end(undefined)
        return null
    }

    me() {
        return this.creds.me ?? null
    }

    async logout() {
        await this.sock.logout()
        return null
    }

    async pairing_code({ phone }) {
        return await this.sock.requestPairingCode(phone)
    }

    /** `quoted`, `edit`, `delete` and `react` name messages by their id. */
    async send({ to, content, quoted }) {
        const known = (id) => {
            if (!this.messages.has(id)) throw new Error(`no message ${id} is known here`)
            return this.messages.get(id)
        }
        const made = { ...content }
        if (made.edit) made.edit = known(made.edit).key
        if (made.delete) made.delete = known(made.delete).key
        if (made.react) made.react = { text: made.react.text, key: known(made.react.message).key }
        const sent = await this.sock.sendMessage(to, made, quoted ? { quoted: known(quoted) } : {})
        this.keep(sent)
        return sent.key
    }

    /** Any message of the protocol, in the names of its schema. */
    async relay({ to, message }) {
        const made = proto.Message.fromObject(message)
        const id = baileys.generateMessageIDV2(this.sock.user?.id)
        this.messages.set(id, { key: { id, remoteJid: to, fromMe: true }, message: made })
        await this.sock.relayMessage(to, made, { messageId: id })
        return { id }
    }

    async read({ message }) {
        await this.sock.readMessages([this.messages.get(message).key])
        return null
    }

    async presence({ type, to }) {
        await this.sock.sendPresenceUpdate(type, to)
        return null
    }

    async group({ jid }) {
        return await this.sock.groupMetadata(jid)
    }

    async on_whatsapp({ phones }) {
        return await this.sock.onWhatsApp(...phones)
    }

    /** Forget every Signal session and sender key, as a damaged store would. */
    forget() {
        for (const key of [...this.keys.stored.keys()]) {
            if (key.startsWith('session/') || key.startsWith('sender-key')) this.keys.stored.delete(key)
        }
        return null
    }

    /** Decrypt an attachment that lies in memory, with Baileys' own functions. */
    async media_keys({ key, kind }) {
        return await baileys.getMediaKeys(key, kind)
    }
}

const ALLOWED = new Set(Object.getOwnPropertyNames(Client.prototype).filter((name) => name !== 'constructor'))

async function take(line) {
    const { id, client, do: what, ...rest } = JSON.parse(line, read)
    try {
        if (!ALLOWED.has(what)) throw new Error(`there is no ${what}`)
        if (!clients.has(client)) clients.set(client, new Client(client))
        put({ id, result: (await clients.get(client)[what](rest)) ?? null })
    } catch (error) {
        put({ id, error: String(error?.stack ?? error) })
    }
}

process.on('unhandledRejection', (error) => put({ event: 'unhandled', data: String(error?.stack ?? error) }))
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => void take(line))
lines.on('close', () => process.exit(0))
put({ event: 'ready', data: { version: proto ? 'baileys' : null } })
