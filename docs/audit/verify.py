#!/usr/bin/env python3
"""Verifies an export of the audit log of Nexus. Written from format.md beside it; needs Python 3.8 and nothing else.

    python3 verify.py EXPORT [--pubkey FILE] [--checkpoints FILE] [--archive FILE_OR_FOLDER]... [--store FILE]
    python3 verify.py --batch FILE     each line a JSON array of such arguments; prints one exit code for each

Exit codes: 0 good, 2 usage, 3 cannot read, 10 entry altered, 11 chain not whole, 12 checkpoint not genuine,
13 a checkpoint says otherwise, 14 store differs, 15 archive missing or different.
"""
import argparse
import base64
import datetime
import glob
import hashlib
import io
import json
import os
import re
import sys

ORDER = (3, 10, 11, 12, 13, 15, 14)
TAKEOVER_LIMIT = datetime.timedelta(seconds=150)
SEALING_LIMIT = datetime.timedelta(seconds=150)
ZERO = b"\0" * 32
MAX_LINE = 16 * 1024 * 1024
COLUMNS = ("id", "created_at", "event_type", "outcome", "actor_id", "connection_ref", "resource_id", "agent_id",
           "workspace_id")
TEXT_COLUMNS = COLUMNS[:4]
SPEAKING = ("vault.key_added", "vault.resealed", "audit.pruned", "backup.rollback_accepted")
STORED_TABLES = {"connection": True, "provider": True, "agent_session": False, "webhook": True}  # whether a value must be there


# What moves a terminal's cursor or turns its text around; names and entries come from elsewhere.
UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


class Unreadable(Exception):
    pass


def say(text):
    print(UNPRINTABLE.sub("\ufffd", text))


class Findings:
    def __init__(self):
        self.problems = []

    def __call__(self, code, text):
        self.problems.append((code, text))

    def exit_code(self):
        codes = {code for code, _ in self.problems}
        return next((code for code in ORDER if code in codes), 0)


# Ed25519 (RFC 8032, section 5.1), verification only

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def add_points(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def decode_point(text):
    number = int.from_bytes(text, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def encode_point(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signature(public_key, message, signature):
    """Whether S*B - k*A is R, both multiples computed in one run over the bits."""
    key = decode_point(public_key)
    s = int.from_bytes(signature[32:], "little")
    if key is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % L
    minus = (P - key[0], key[1], 1, P - key[3])
    both = add_points(BASE, minus)
    total = IDENTITY
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):
        total = add_points(total, total)
        choice = (s >> bit & 1, k >> bit & 1)
        if choice != (0, 0):
            total = add_points(total, both if choice == (1, 1) else BASE if choice[0] else minus)
    return encode_point(total) == signature[:32]


# Keys and notes

def decode_base64(text):
    """Bytes, or None for text that is not written the one way there is."""
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return value if base64.b64encode(value).decode() == text else None


def key_hash(name, public_key):
    return hashlib.sha256(name.encode() + b"\n\1" + public_key).digest()[:4]


def parse_key(text):
    """(name, public key), or None."""
    match = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)", text)
    value = decode_base64(match[3]) if match else None
    if value is None or len(value) != 33 or value[0] != 1 or key_hash(match[1], value[1:]).hex() != match[2]:
        return None
    return match[1], value[1:]


def parse_note(note):
    """The fields of a note, or None."""
    lines = note.split("\n")
    if len(lines) != 8 or lines[5] or lines[7] or not all(lines[:5]):
        return None
    match = re.fullmatch("\u2014 ([^\\s+]+) ([A-Za-z0-9+/]+=*)", lines[6])
    signed = decode_base64(match[2]) if match else None
    head, previous = decode_base64(lines[2]), decode_base64(lines[3])
    if signed is None or len(signed) != 68 or head is None or len(head) != 32 or previous is None:
        return None
    if len(previous) != 32 or not re.fullmatch("[1-9][0-9]{0,15}", lines[1]) or int(lines[1]) >= 2 ** 53:
        return None
    return {"origin": lines[0], "size": int(lines[1]), "head": head, "previous": previous, "time": lines[4],
            "name": match[1], "key": signed[:4], "signature": signed[4:], "body": ("\n".join(lines[:5]) + "\n").encode()}


# Reading files

def read_lines(raw):
    """(number, object) for every line of a binary file."""
    for number, line in enumerate(iter(lambda: raw.readline(MAX_LINE + 1), b""), 1):
        if not line.endswith(b"\n"):
            raise Unreadable("the file ends in the middle of a line, or the line is too long")
        try:
            value = load_json(line.decode("utf-8"))
            if b"\\u" in line:
                json.dumps(value, ensure_ascii=False).encode("utf-8")
        except (ValueError, RecursionError):
            raise Unreadable("line %d is not JSON in UTF-8" % number) from None
        yield number, value


def load_json(text):
    return json.loads(text, parse_constant=refuse, parse_int=parse_number, parse_float=parse_number)


def refuse(constant):
    raise ValueError(constant)


def parse_number(text):
    """A double, whatever the spelling; as int where it is an exact one."""
    value = float(text)
    return int(value) if abs(value) < 2 ** 53 and value.is_integer() else value


def is_integer(value, least=None):
    return type(value) is int and abs(value) < 2 ** 53 and (least is None or value >= least)


def is_text_or_null(value):
    return value is None or type(value) is str


def is_time(value):
    return type(value) is str and parse_time(value) is not None


def parse_time(text):
    """None for text of another form."""
    if not re.fullmatch(r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", text):
        return None
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return None


def is_stored(value):
    columns = value.get("columns") if isinstance(value, dict) else None
    return (isinstance(columns, dict) and all(type(value.get(name)) is str for name in ("entry", "entry_hash", "mac"))
            and is_integer(value.get("mac_key")) and all(type(columns.get(name)) is str for name in TEXT_COLUMNS)
            and all(name in columns and is_text_or_null(columns[name]) for name in COLUMNS[4:]))


SHAPES = {
    "header": lambda line: line.get("format") == "nexus-audit/1" and all(
        name in line and (line[name] is None or is_integer(line[name], 1)) for name in ("from_seq", "to_seq")),
    "sealed": lambda line: is_integer(line.get("seq")) and "stored" in line and all(
        type(line.get(name)) is str for name in ("event_id", "prev_hash", "hash")) and (
        line["stored"] is None or is_stored(line["stored"])),
    "unsealed": lambda line: is_stored(line.get("stored")),
    "checkpoint": lambda line: is_integer(line.get("size")) and type(line.get("created_at")) is str
    and type(line.get("note")) is str,
    "end": lambda line: is_integer(line.get("lines")) and "exported_at" in line and (
        line["exported_at"] is None or is_time(line["exported_at"])),
}
KINDS = tuple(SHAPES)


def read_export(raw):
    """The lines of a whole export, the first of them the header and the last of them the end."""
    place, number, header = 0, 0, {}
    for number, line in read_lines(raw):
        kind = line.get("kind") if isinstance(line, dict) else None
        if kind not in KINDS or not SHAPES[kind](line):
            raise Unreadable("line %d is not a line of an export" % number)
        if (kind == "header") != (number == 1) or place == 4 or KINDS.index(kind) < place:
            raise Unreadable("line %d is out of its place" % number)
        place = KINDS.index(kind)
        if kind == "header":
            header = line
        is_closed = header["to_seq"] is not None
        if kind == "unsealed" and is_closed:
            raise Unreadable("line %d does not belong into a closed range" % number)
        if kind == "end" and (line["lines"] != number - 1 or (line["exported_at"] is None) != is_closed):
            raise Unreadable("the last line does not fit the export")
        yield line
    if place != 4:
        raise Unreadable("the export was cut off")


class HashingFile(io.RawIOBase):
    """A file that knows the SHA-256 of what was read from it."""

    def __init__(self, path):
        super().__init__()
        self.file, self.sha256 = open(path, "rb"), hashlib.sha256()

    def readable(self):
        return True

    def readinto(self, target):
        count = self.file.readinto(target)
        self.sha256.update(memoryview(target)[:count])
        return count


# The chain

def parse_entry(text):
    try:
        entry = load_json(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or entry.get("v") not in (1, 2) or type(entry["v"]) is not int:
        return None
    if not all(type(entry.get(name)) is str for name in ("id", "created_at", "event_type")):
        return None
    return entry if isinstance(entry.get("data"), dict) and isinstance(entry.get("actor"), dict) else None


def foreign_columns(entry, columns):
    said = {name: entry.get(name) for name in COLUMNS}
    said["actor_id"] = entry["actor"].get("id")
    if said["resource_id"] is None:
        said["resource_id"] = said["connection_ref"]
    if entry["v"] == 1:
        del said["resource_id"]
    return [name for name, value in said.items() if columns[name] != value]


def link_hash(line):
    stored = line["stored"]
    values = [line["prev_hash"], stored["entry_hash"], stored["mac"]]
    if not all(re.fullmatch("[0-9a-f]{64}", value) for value in values):
        return None
    if not 0 <= stored["mac_key"] < 2 ** 32 or line["seq"] < 1:
        return None
    data = b"\0" + bytes.fromhex("".join(values)) + stored["mac_key"].to_bytes(4, "big") + line["seq"].to_bytes(8, "big")
    return hashlib.sha256(data).hexdigest()


class Chain:
    """What was read of a log, from its first link to its last."""

    def __init__(self):
        self.last, self.hash, self.hashes, self.whole = 0, ZERO.hex(), {}, True
        # Texts that were there, entries that say something about the log itself, and those without a link.
        self.suspect, self.texts, self.said, self.waiting = None, set(), [], []
        self.given = None  # the link whose prev_hash was taken as given

    def entry(self, found, stored, name, event_id):
        digest = hashlib.sha256(stored["entry"].encode("utf-8", "surrogatepass")).digest()
        if digest.hex() != stored["entry_hash"]:
            found(10, "%s: its text is not what was hashed" % name)
        if not re.fullmatch("[0-9a-f]{64}", stored["mac"]) or not 0 <= stored["mac_key"] < 2 ** 32:
            found(10, "%s: its mac is none" % name)
        if digest in self.texts:
            found(11, "%s is there twice" % name)
        entry = parse_entry(stored["entry"])
        if entry is None:
            found(10, "%s: its text is no entry" % name)
            return None, digest
        for column in foreign_columns(entry, stored["columns"]):
            found(10, "%s: its column %s is not what it says" % (name, column))
        if entry["id"] != event_id:
            found(10, "%s is named as another one" % name)
        return entry, digest

    def link(self, found, line):
        seq, stored = line["seq"], line["stored"]
        follows, is_next = line["prev_hash"] == self.hash, seq == self.last + 1
        self.clear_suspect(found, follows)
        if not (follows and is_next):
            self.whole = False
            found(11, "link %d does not follow link %d" % (seq, self.last))
        elif self.whole:
            self.hashes[seq] = line["hash"]
        self.last, self.hash = seq, line["hash"]
        if stored is None:
            found(11, "link %d names an entry that is not there" % seq)
            return
        entry, digest = self.entry(found, stored, "entry %d" % seq, line["event_id"])
        self.texts.add(digest)
        if follows and is_next and seq != self.given and link_hash(line) not in (None, line["hash"]):
            self.suspect = seq
        self.keep(seq, entry)

    def keep(self, seq, entry):
        if entry is not None and (entry["event_type"] in SPEAKING or "store" in entry):
            self.said.append((seq, entry))

    def clear_suspect(self, found, is_followed):
        if self.suspect is not None:
            is_entry = is_followed and self.whole
            found(10 if is_entry else 11, "link %d has not the hash of its entry and place" % self.suspect)
            self.suspect = None

    def unsealed(self, found, stored):
        name = "the unsealed entry %s" % stored["columns"]["id"]
        entry, _ = self.entry(found, stored, name, stored["columns"]["id"])
        self.keep(None, entry)
        self.waiting.append(stored["columns"])

    def end(self, found, exported_at):
        self.clear_suspect(found, True)
        for columns in self.waiting if exported_at is not None else []:
            made = parse_time(columns["created_at"])
            if made is None or abs(parse_time(exported_at) - made) > SEALING_LIMIT:
                found(11, "entry %s was never sealed" % columns["id"])


# Checkpoints

class Trust:
    def __init__(self, pinned, said):
        self.keys = list(pinned)
        self.named = [(seq, parse_key(entry["data"]["public_key"])) for seq, entry in said
                      if seq is not None and entry["event_type"] == "vault.key_added"
                      and entry["data"].get("purpose") == "checkpoint"
                      and type(entry["data"].get("public_key")) is str]
        self.verified = 0
        # Where each key was named first, when each place's key signed first, and the latest time that was signed.
        self.places, self.first_uses, self.latest = {}, {}, datetime.datetime.min
        for seq, key in self.named:
            self.places.setdefault(key, seq)

    def judge(self, note):
        """The key that signed it, False for a false signature, None where no key is known."""
        keys = [key for key in self.keys if names(note, key)]
        if not keys:
            return None
        return next((key for key in keys if is_signature(key[1], note["body"], note["signature"])), False)

    def is_outdated(self, key, note):
        time, place = max(self.latest, signing_time(note)), self.places.get(key, 0)
        return any(newer > place and time - since > TAKEOVER_LIMIT for newer, since in self.first_uses.items())

    def adopt(self, note):
        if not self.keys:
            self.keys = [key for _, key in self.named if key is not None and names(note, key)][:1]

    def cover(self, key, note):
        size = note["size"]
        self.verified = max(self.verified, size)
        self.first_uses.setdefault(self.places.get(key, 0), signing_time(note))
        self.latest = max(self.latest, signing_time(note))
        self.keys += [key for seq, key in self.named if seq <= size and key is not None and key not in self.keys]


def signing_time(note):
    """What is no time is later than all there are."""
    return parse_time(note["time"]) or datetime.datetime.max


def names(note, key):
    return note["name"] == key[0] and note["key"] == key_hash(*key)


def judge_checkpoints(found, lines, chain, trust, starts_anywhere, may_lack_keys):
    before = None
    for index, line in enumerate(lines):
        note = parse_note(line["note"])
        if note is None:
            found(12, "checkpoint %d cannot be read" % line["size"])
            continue
        previous = None if before is None and starts_anywhere else ZERO if before is None else before["hash"]
        if ((note["size"], note["time"]) != (line["size"], line["created_at"])
                or (before is not None and (note["size"] <= before["size"] or note["origin"] != before["origin"]))
                or (previous is not None and note["previous"] != previous)):
            found(12, "checkpoint %d is not in its place" % line["size"])
        before = {"size": note["size"], "origin": note["origin"],
                  "hash": hashlib.sha256(line["note"].encode("utf-8")).digest()}
        if index == 0:
            trust.adopt(note)
        verdict = trust.judge(note)
        if verdict is None and may_lack_keys:
            continue
        if not verdict:
            found(12, "checkpoint %d is not signed with a trusted key" % note["size"])
        elif trust.is_outdated(verdict, note):
            found(12, "checkpoint %d is signed with a key that a newer one had replaced" % note["size"])
        elif fits_chain(found, note, chain):
            trust.cover(verdict, note)
        else:
            may_lack_keys = True


def fits_chain(found, note, chain):
    """Whether it does; None where there is nothing to compare it with."""
    if note["size"] > chain.last:
        found(13, "a checkpoint says that the log had %d entries, and it has %d" % (note["size"], chain.last))
        return False
    known = chain.hashes.get(note["size"])
    if known is not None and known != note["head"].hex():
        found(13, "a checkpoint says that the log up to %d was another" % note["size"])
        return False
    return None if known is None else True


def judge_external(found, external, lines, chain, trust, least, most):
    known = {line["note"] for line in lines}
    given_up = [(entry["data"].get("size"), entry["data"].get("abandoned_size"), entry["created_at"])
                for seq, entry in chain.said
                if seq is not None and seq <= trust.verified and entry["event_type"] == "backup.rollback_accepted"]
    for text in external:
        if text in known:
            continue
        note = parse_note(text)
        if note is None:
            found(12, "an external checkpoint cannot be read")
        elif note["size"] < least or (most is not None and note["size"] > most):
            say("notice: the external checkpoint %d is outside of the range" % note["size"])
        elif any(type(low) is int and type(high) is int and low < note["size"] <= high and note["time"] <= at
                 for low, high, at in given_up):
            say("notice: the external checkpoint %d was given up by an accepted rollback" % note["size"])
        elif trust.judge(note) is False:
            found(12, "the signature of the external checkpoint %d is false" % note["size"])
        elif fits_chain(found, note, chain) is not False:
            found(13, "the external checkpoint %d is not in the log" % note["size"])


# Archives

def read_archives(paths, first, chain):
    """Reads what is before a log's first link into the chain.

    Returns what was read, as (path, header, sha256, findings), the checkpoints, and what is missing, or None.
    """
    ranges = {}
    for path in paths:
        try:
            with open(path, "rb") as raw:
                line = next(read_lines(raw), (1, None))[1]
        except (Unreadable, OSError):
            continue
        if not isinstance(line, dict) or line.get("kind") != "header" or not SHAPES["header"](line):
            continue
        start, end = line["from_seq"], line["to_seq"]
        if None not in (start, end) and end < first["seq"] and end > ranges.get(start, (0,))[0]:
            ranges[start] = (end, path)
    read, checkpoints, start = [], [], 1
    while start < first["seq"]:
        if start not in ranges or ranges[start][0] < start:
            return read, checkpoints, "entry %d is in no archive" % start
        end, path = ranges[start]
        findings = Findings()
        read.append(((start, end), path, read_archive(path, end, chain, checkpoints, findings), findings))
        if findings.problems:
            return read, checkpoints, "damaged"
        start = end + 1
    return read, checkpoints, None if chain.hash == first["prev_hash"] else "the archives do not lead to the log"


def read_archive(path, end, chain, checkpoints, found):
    file = HashingFile(path)
    raw = io.BufferedReader(file, 1 << 16)
    try:
        for line in read_export(raw):
            if line["kind"] == "sealed":
                chain.link(found, line)
            elif line["kind"] == "checkpoint":
                checkpoints.append(line)
        chain.end(found, None)
    except Unreadable as error:
        found(15, str(error))
        while raw.read(1 << 16):
            pass
    finally:
        file.file.close()
    if chain.last != end:
        found(15, "it ends with %d" % chain.last)
    return file.sha256.hexdigest()


def judge_archives(found, read, said, is_range):
    for (start, end), path, sha256, findings in read:
        pruned = [entry["data"].get("archive_sha256") for seq, entry in said if seq is not None
                  and entry["event_type"] == "audit.pruned"
                  and (entry["data"].get("from_seq"), entry["data"].get("to_seq")) == (start, end)]
        if (pruned and pruned[-1] != sha256) or (not pruned and not is_range):
            found(15, "the archive %s is not what an entry says was pruned" % path)
        else:
            found.problems += findings.problems


# The store

def newest_witnesses(said):
    newest = {}
    for entry in [entry for seq, entry in said if seq is not None]:
        witnesses = [(entry["store"].get("table"), entry["store"])] if isinstance(entry.get("store"), dict) else []
        if entry["event_type"] == "vault.resealed" and isinstance(entry["data"].get("rows"), list):
            witnesses += [(entry["data"].get("table"), row) for row in entry["data"]["rows"] if isinstance(row, dict)]
        for table, witness in witnesses:
            row, version, sha256 = witness.get("row"), witness.get("version"), witness.get("blob_sha256", 0)
            if type(table) is str and type(row) is str and is_integer(version) and is_text_or_null(sha256):
                if (table, row) not in newest or newest[table, row][0] <= version:
                    newest[table, row] = version, sha256
    return newest


def judge_store(found, path, said):
    newest, held = newest_witnesses(said), set()
    with open(path, "rb") as raw:
        for number, blob in read_lines(raw):
            if not isinstance(blob, dict) or not all(
                    type(blob.get(name)) is str for name in ("table", "row", "blob_sha256")):
                raise Unreadable("line %d of the store file is no stored value" % number)
            place = blob["table"], blob["row"]
            held.add(place)
            if place[0] in STORED_TABLES and newest.get(place, (0, None))[1] != blob["blob_sha256"]:
                found(14, "%s %s does not hold what the log saw last" % place)
    for place, (_, sha256) in newest.items():
        if place not in held and sha256 is not None and STORED_TABLES.get(place[0]):
            found(14, "%s %s lost its value" % place)


# One run

def verify(found, options, pinned, external):
    archives = [path for given in options.archive for path in list_archives(given)]
    chain, header, checkpoints, read, missing, is_range, first = Chain(), None, [], [], None, False, None
    archived = []
    with sys.stdin.buffer if options.export == "-" else open(options.export, "rb") as raw:
        for line in read_export(raw):
            if line["kind"] == "header":
                header, is_range = line, (line["from_seq"] or 1) > 1
            elif line["kind"] == "sealed":
                if first is None and line["seq"] > 1:
                    read, archived, missing = read_archives(archives, line, chain)
                    if missing is not None:
                        chain = Chain()
                        chain.last, chain.hash, chain.given = line["seq"] - 1, line["prev_hash"], line["seq"]
                first = first or line
                chain.link(found, line)
            elif line["kind"] == "unsealed":
                chain.unsealed(found, line["stored"])
            elif line["kind"] == "checkpoint":
                checkpoints.append(line)
            else:
                chain.end(found, line["exported_at"])
    if header["to_seq"] is not None and chain.last != header["to_seq"]:
        found(11, "the range ends with %d" % chain.last)
    if missing not in (None, "damaged"):
        found(15, missing)
    is_alone = is_range and (first is None or missing is not None)
    if is_range and not is_alone:
        checkpoints = archived + checkpoints
    trust = Trust(pinned, chain.said)
    judge_checkpoints(found, checkpoints, chain, trust, is_alone, is_alone or missing is not None)
    least = (first["seq"] if first else header["from_seq"]) if is_alone else 1
    judge_external(found, external, checkpoints, chain, trust, least, header["to_seq"])
    judge_archives(found, read, chain.said, is_range)
    if options.store:
        judge_store(found, options.store, chain.said)
    if not pinned:
        say("notice: no key was given: the one that the log itself names was believed")
    say("read up to entry %d, covered by checkpoints up to %d, %d unsealed, %d checkpoints"
          % (chain.last, trust.verified, len(chain.waiting), len(checkpoints)))


def list_archives(given):
    return sorted(glob.glob(os.path.join(glob.escape(given), "*.ndjson"))) if os.path.isdir(given) else [given]


def read_keys(path):
    with open(path, encoding="utf-8") as file:
        keys = [parse_key(line.strip()) for line in file if line.strip()]
    if not keys or None in keys:
        raise Unreadable("%s does not hold verifier keys" % path)
    return keys


def read_notes(path):
    notes = {}
    with open(path, encoding="utf-8", errors="replace", newline="\n") as file:
        for text in file:
            try:
                line = load_json(text)
            except (ValueError, RecursionError):
                continue
            if not isinstance(line, dict) or type(line.get("note")) is not str:
                continue
            if line["message"] == "audit.checkpoint" if "message" in line else type(line.get("size")) in (int, float):
                notes[line["note"]] = True
    if not notes:
        raise Unreadable("%s holds no checkpoint" % path)
    return list(notes)


def run(arguments):
    parser = argparse.ArgumentParser(description="Verifies an export of the audit log; format.md describes it.")
    parser.add_argument("export", help="the export; - for standard input")
    parser.add_argument("--pubkey", help="file with verifier keys, one a line")
    parser.add_argument("--checkpoints", help="checkpoint file that was kept outside of the database")
    parser.add_argument("--archive", action="append", default=[], help="archive, or folder of *.ndjson; repeatable")
    parser.add_argument("--store", help="file with what the store holds")
    options = parser.parse_args(arguments)
    found = Findings()
    try:
        pinned = read_keys(options.pubkey) if options.pubkey else []
        external = read_notes(options.checkpoints) if options.checkpoints else []
        verify(found, options, pinned, external)
    except (Unreadable, OSError, UnicodeDecodeError) as error:
        found(3, str(error))
    for code, text in sorted(found.problems, key=lambda one: ORDER.index(one[0]))[:100]:
        say("%d: %s" % (code, text))
    return found.exit_code()


def run_batch(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            output, sys.stdout = sys.stdout, io.StringIO()
            try:
                code = run(json.loads(line))
            finally:
                sys.stdout = output
            print(code, flush=True)
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run_batch(sys.argv[2]) if len(sys.argv) == 3 and sys.argv[1] == "--batch" else run(sys.argv[1:]))
