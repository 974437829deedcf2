// The reference of benchmarks/protocol.py: the same work in Baileys.
//
//   node protocol.mjs FOLDER         FOLDER holds node_modules/baileys
// First line in: what to work on. Then {"do": NAME, "times": N} → {"seconds": …} for all N together.

import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { join, resolve } from 'node:path'

const folder = join(resolve(process.argv[2]), 'node_modules')
const load = (path) => import(pathToFileURL(join(folder, path)).href)
const baileys = await load('baileys/lib/index.js')
const { default: pino } = await load('pino/pino.js')
const { Curve, addTransactionCapability, configureSuccessfulPairing, initAuthCreds } = baileys
const { decodeBinaryNode, encodeBinaryNode } = baileys
const { makeLibSignalRepository } = await load('baileys/lib/Signal/libsignal.js')
const { xmppPreKey, xmppSignedPreKey } = await load('baileys/lib/Utils/signal.js')

const logger = pino({ level: 'silent' })
const bytes = (text) => Buffer.from(text, 'base64')

/** A device with its keys in memory, as Baileys has them below its own cache. */
function device(number) {
    const creds = initAuthCreds()
    const stored = new Map()
    const raw = {
        get: async (type, ids) => {
            const found = {}
            for (const id of ids) {
                const value = stored.get(`${type}/${id}`)
                if (value !== undefined) found[id] = value
            }
            return found
        },
        set: async (data) => {
            for (const [type, values] of Object.entries(data)) {
                for (const [id, value] of Object.entries(values)) {
                    if (value) stored.set(`${type}/${id}`, value)
                    else stored.delete(`${type}/${id}`)
                }
            }
        },
    }
    const keys = addTransactionCapability(raw, logger, { maxCommitRetries: 1, delayBetweenTriesMs: 1 })
    const signal = makeLibSignalRepository({ creds, keys }, logger, async () => [])
    return { creds, keys, signal, jid: `62811000000${number}:1@s.whatsapp.net` }
}

/** Two devices that have talked, so that neither sends pkmsg any more. */
async function pairOfDevices() {
    const [one, other] = [device(1), device(2)]
    const { creds } = other
    const preKey = Curve.generateKeyPair()
    await other.keys.set({ 'pre-key': { 1: preKey } })
    const versioned = (key) => Buffer.concat([Buffer.from([5]), key])
    const session = {
        registrationId: creds.registrationId,
        identityKey: versioned(creds.signedIdentityKey.public),
        signedPreKey: {
            keyId: creds.signedPreKey.keyId,
            publicKey: versioned(creds.signedPreKey.keyPair.public),
            signature: creds.signedPreKey.signature,
        },
        preKey: { keyId: 1, publicKey: versioned(preKey.public) },
    }
    await one.signal.injectE2ESession({ jid: other.jid, session })
    await passed(one, other, Buffer.from('a'))
    await passed(other, one, Buffer.from('b'))
    return [one, other]
}

async function passed(from, to, data) {
    const { type, ciphertext } = await from.signal.encryptMessage({ jid: to.jid, data })
    return await to.signal.decryptMessage({ jid: from.jid, type, ciphertext })
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const next = async () => {
    const { value, done } = await lines.next()
    return done ? null : JSON.parse(value)
}
const put = (line) => process.stdout.write(JSON.stringify(line) + '\n')

const given = await next()
const plaintext = bytes(given.plaintext)
const encoded = bytes(given.stanza)
const stanza = await decodeBinaryNode(encoded)
const [anna, budi] = await pairOfDevices()
const [writer, reader] = await pairOfDevices() // what nobody reads must not fill the other pair's skipped keys
const pairing = {
    stanza: {
        tag: 'iq',
        attrs: { id: '1' },
        content: [
            {
                tag: 'pair-success',
                attrs: {},
                content: [
                    { tag: 'device-identity', attrs: {}, content: bytes(given.pairing.identity) },
                    { tag: 'device', attrs: { jid: anna.jid, lid: '1:1@lid' } },
                ],
            },
        ],
    },
    creds: {
        advSecretKey: given.pairing.adv_secret,
        signedIdentityKey: {
            public: bytes(given.pairing.public),
            private: bytes(given.pairing.private),
        },
        signalIdentities: [],
    },
}

/** Each prepares what it needs and returns what is measured. */
const works = {
    encrypt: async (times) => async () => {
        for (let i = 0; i < times; i++) await writer.signal.encryptMessage({ jid: reader.jid, data: plaintext })
    },
    decrypt: async (times) => {
        const messages = []
        for (let i = 0; i < times; i++) {
            messages.push(await anna.signal.encryptMessage({ jid: budi.jid, data: plaintext }))
        }
        return async () => {
            for (const { type, ciphertext } of messages) {
                await budi.signal.decryptMessage({ jid: anna.jid, type, ciphertext })
            }
        }
    },
    encode: async (times) => async () => {
        for (let i = 0; i < times; i++) encodeBinaryNode(stanza)
    },
    decode: async (times) => async () => {
        for (let i = 0; i < times; i++) await decodeBinaryNode(encoded)
    },
    pairing: async (times) => async () => {
        for (let i = 0; i < times; i++) configureSuccessfulPairing(pairing.stanza, pairing.creds)
    },
    pre_keys: async (times) => async () => {
        const { creds } = device(3)
        const content = []
        for (let i = 0; i < times; i++) content.push(xmppPreKey(Curve.generateKeyPair(), i + 1))
        encodeBinaryNode({ tag: 'list', attrs: {}, content: [...content, xmppSignedPreKey(creds.signedPreKey)] })
    },
}

put({ stanza: Buffer.from(encodeBinaryNode(stanza)).toString('base64') })
for (let asked = await next(); asked !== null; asked = await next()) {
    const work = await works[asked.do](asked.times)
    const began = process.hrtime.bigint()
    await work()
    put({ seconds: Number(process.hrtime.bigint() - began) / 1e9 })
}
