"use strict";
// Shows the page's own GLB (one mesh, one texture, as models/geometry/glb_writer.py writes it) with WebGL 2; nothing is fetched.
(async () => {
  const bytes = Uint8Array.from(atob(document.getElementById("model").textContent.trim()), (c) => c.charCodeAt(0));
  document.getElementById("save").href = URL.createObjectURL(new Blob([bytes], { type: "model/gltf-binary" }));
  const canvas = document.getElementById("view");
  const gl = canvas.getContext("webgl2", { antialias: true });
  if (!gl) {
    document.getElementById("trouble").hidden = false;
    return;
  }

  const head = new DataView(bytes.buffer);
  const jsonLength = head.getUint32(12, true);
  const tree = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + jsonLength)));
  const binary = 20 + jsonLength + 8;
  const view = (number) => {
    const { byteOffset, byteLength } = tree.bufferViews[number];
    return bytes.subarray(binary + byteOffset, binary + byteOffset + byteLength);
  };
  const primitive = tree.meshes[0].primitives[0];
  const indices = tree.accessors[primitive.indices];
  const bounds = tree.accessors[primitive.attributes.POSITION];
  const middle = bounds.min.map((low, i) => (low + bounds.max[i]) / 2);
  const scale = 2 / Math.max(...bounds.min.map((low, i) => bounds.max[i] - low));

  const shader = (kind, source) => {
    const made = gl.createShader(kind);
    gl.shaderSource(made, source);
    gl.compileShader(made);
    return made;
  };
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl.VERTEX_SHADER, `#version 300 es
    in vec3 POSITION; in vec3 NORMAL; in vec2 TEXCOORD_0;
    uniform vec3 middle; uniform float scale; uniform mat4 eye; uniform vec4 lens;
    out vec3 normal; out vec3 place; out vec2 uv;
    void main() {
      vec4 seen = eye * vec4((POSITION - middle) * scale, 1.0);
      normal = mat3(eye) * NORMAL; place = seen.xyz; uv = TEXCOORD_0;
      gl_Position = vec4(seen.x * lens.x, seen.y * lens.y, seen.z * lens.z + lens.w, -seen.z);
    }`));
  gl.attachShader(program, shader(gl.FRAGMENT_SHADER, `#version 300 es
    precision highp float;
    in vec3 normal; in vec3 place; in vec2 uv;
    uniform sampler2D colour; uniform float shade; uniform float cutoff;
    out vec4 painted;
    void main() {
      vec4 texel = texture(colour, uv);
      if (texel.a < cutoff) discard;
      float facing = abs(dot(normalize(normal), normalize(place)));
      painted = vec4(texel.rgb * mix(1.0, 0.35 + 0.65 * facing, shade), 1.0);
    }`));
  gl.linkProgram(program);
  gl.useProgram(program);
  for (const [name, size] of [["POSITION", 3], ["NORMAL", 3], ["TEXCOORD_0", 2]]) {
    const place = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, view(tree.accessors[primitive.attributes[name]].bufferView), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
  }
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, view(indices.bufferView), gl.STATIC_DRAW);

  const picture = new Blob([view(tree.images[0].bufferView)], { type: tree.images[0].mimeType });
  const decoded = await createImageBitmap(picture, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, decoded);
  gl.generateMipmap(gl.TEXTURE_2D);
  for (const axis of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, axis, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);

  const at = (name) => gl.getUniformLocation(program, name);
  gl.uniform3fv(at("middle"), middle);
  gl.uniform1f(at("scale"), scale);
  gl.uniform1f(at("cutoff"), tree.materials[0].alphaMode === "OPAQUE" ? 0 : 0.5);
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(1, 1, 1, 1);

  let azimuth = 0.6, elevation = 0.3, distance = 5, last = 0;
  const shaded = document.getElementById("shaded"), turning = document.getElementById("turning");
  const near = 0.05, far = 50, focal = 1 / Math.tan(Math.PI / 12);
  const draw = () => {
    const width = Math.round(canvas.clientWidth * devicePixelRatio), height = Math.round(canvas.clientHeight * devicePixelRatio);
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
    gl.uniformMatrix4fv(at("eye"), false, [ca, -sa * se, sa * ce, 0, 0, ce, se, 0, -sa, -ca * se, ca * ce, 0, 0, 0, -distance, 1]);
    const fit = focal * Math.min(1, width / height);
    gl.uniform4f(at("lens"), fit * height / width, fit, (far + near) / (near - far), 2 * far * near / (near - far));
    gl.uniform1f(at("shade"), shaded.checked ? 1 : 0);
    gl.drawElements(gl.TRIANGLES, indices.count, indices.componentType, 0);
  };
  const turn = (right, up) => {
    azimuth -= right;
    elevation = Math.max(-1.5, Math.min(1.5, elevation + up));
    turning.checked = false;
  };
  const zoom = (factor) => { distance = Math.max(1.5, Math.min(20, distance * factor)); };
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) turn(event.movementX / 150, event.movementY / 150); });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(event.deltaY / 800)); }, { passive: false });
  const keys = { ArrowLeft: () => turn(0.1, 0), ArrowRight: () => turn(-0.1, 0), ArrowUp: () => turn(0, 0.1), ArrowDown: () => turn(0, -0.1),
    "+": () => zoom(0.9), "-": () => zoom(1.1) };
  canvas.addEventListener("keydown", (event) => { if (keys[event.key]) { keys[event.key](); event.preventDefault(); } });
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) turning.checked = false;
  const frame = (now) => {
    if (turning.checked) azimuth += Math.min(now - last, 100) / 4000;
    last = now;
    draw();
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})();
