// A place to drop or choose one file. It is sent as it is, with real progress, and the server's
// answer (the token of the stored file) goes to the state.
import { useRef, useState } from "react";

const kilobytes = (bytes) => bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

function send(file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/upload?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => onProgress(event.loaded / Math.max(event.total, 1));
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* told below */ }
      if (request.status === 200) resolve(answer);
      else reject(new Error(answer.message ?? `The server answered ${request.status}.`));
    };
    request.onerror = () => reject(new Error("The file could not be sent: the server did not answer."));
    request.send(file);
  });
}

export function FileDrop({ accept, onStored, ...rest }) {
  const input = useRef(null);
  const [over, setOver] = useState(false);
  const [job, setJob] = useState({ state: "idle" });

  async function take(file) {
    if (!file || job.state === "sending") return;
    setJob({ state: "sending", name: file.name, size: file.size, share: 0 });
    try {
      const stored = await send(file, (share) => setJob((now) => ({ ...now, share })));
      setJob({ state: "stored", name: file.name, size: file.size });
      onStored(stored.token);
    } catch (error) {
      setJob({ state: "failed", name: file.name, message: error.message });
    }
    if (input.current) input.current.value = "";
  }

  const percent = Math.round((job.share ?? 0) * 100);
  const words = {
    idle: <><b>Drop a file here</b> or choose one · JSONL or JSON</>,
    sending: <><b>{job.name}</b> · {percent} % of {kilobytes(job.size ?? 0)}</>,
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
