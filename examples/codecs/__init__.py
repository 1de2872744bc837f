"""Payload codecs that encrypt and compress, and keys that change: `python -m examples.codecs.demo`.

What users pass to workflows and services, and get back, is wrapped at rest and in flight. Needs cryptography:
`pip install 'leveret[examples]'`.

encrypting    AES-GCM, with a codec for each key
compressing   zlib, above a size
keys          the codecs of a process, from its environment: `payload_codec = "examples.codecs.keys:payload_codecs"`
payroll       a workflow with something to hide
demo          what of it can be read in the file, before and after the key has changed: nothing
"""
