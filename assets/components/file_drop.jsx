// A place to drop or choose one file. It is sent in parts, with real progress, and the token of
// the stored file goes to the state.
import { useRef, useState } from "react";

const kilobytes = (bytes) => bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

const PART_BYTES = 4 * 1024 * 1024;
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15000, 30000];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Resolves to the server's answer; a server that is away is `null`, a refusal is thrown.
function ask(method, address, body, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.setRequestHeader("content-type", "application/octet-stream");
    if (onProgress) request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* told below */ }
      if (request.status === 200) resolve(answer);
      else if (request.status === 409 || request.status === 499 || request.status >= 502) resolve(null);
      else reject(new Error(answer.message ?? `The server answered ${request.status}.`));
    };
    request.onerror = () => resolve(null);
    request.send(body ?? null);
  });
}

// Sends a file in parts. After a break it asks how much arrived and goes on from there, also
// after a reload, when the same file is dropped again.
async function send(file, onProgress) {
  const about = new URLSearchParams({ name: file.name, size: file.size, modified: file.lastModified });
  let failures = 0;
  let here = null;
  while (true) {
    here = here ?? await ask("POST", `/api/upload?${about}`);
    if (here?.token) return here;
    if (here) {
      const { id, received } = here;
      onProgress(received / file.size, false);
      const part = file.slice(received, received + PART_BYTES);
      here = await ask("PATCH", `/api/upload/${encodeURIComponent(id)}?offset=${received}&size=${file.size}`,
        part, (loaded) => onProgress((received + loaded) / file.size, false));
      if (here) { failures = 0; continue; }
    }
    if (failures === WAITS_MS.length) throw new Error("The server does not answer. Drop the file again: it goes on where it was.");
    onProgress(null, true);
    await pause(WAITS_MS[failures++]);
  }
}

export function FileDrop({ accept, onStored, ...rest }) {
  const input = useRef(null);
  const [over, setOver] = useState(false);
  const [job, setJob] = useState({ state: "idle" });

  async function take(file) {
    if (!file || job.state === "sending") return;
    setJob({ state: "sending", name: file.name, size: file.size, share: 0 });
    try {
      const stored = await send(file, (share, waits) =>
        setJob((now) => ({ ...now, share: share ?? now.share, waits })));
      setJob({ state: "stored", name: file.name, size: file.size });
      onStored(stored.token);
    } catch (error) {
      setJob({ state: "failed", name: file.name, message: error.message });
    }
    if (input.current) input.current.value = "";
  }

  const percent = Math.round((job.share ?? 0) * 100);
  const words = {
    idle: <><b>Drop a file here</b> or choose one · JSONL, JSON, CSV, Parquet, text</>,
    sending: <><b>{job.name}</b> · {percent} % of {kilobytes(job.size ?? 0)}{job.waits && " · waiting for the server"}</>,
    stored: <><b>{job.name}</b> · {kilobytes(job.size ?? 0)} · drop another to replace it</>,
    failed: <><b>{job.name}</b> · {job.message}</>,
  }[job.state];
  return (
    <div {...rest} className="bp-drop" data-over={over} data-state={job.state}
      onDragOver={(event) => { event.preventDefault(); setOver(true); }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files[0]); }}>
      <input ref={input} id="data-upload" type="file" className="bp-drop-input" accept={accept}
        aria-describedby="data-upload-state" onChange={(event) => take(event.target.files[0])} />
      <label htmlFor="data-upload" className="bp-drop-label">
        <span className="bp-drop-icon" aria-hidden="true" />
        <span id="data-upload-state" role="status">{words}</span>
      </label>
      {job.state === "sending" &&
        <progress max={100} value={percent} aria-label="Upload progress" className="bp-drop-bar" />}
    </div>
  );
}
