class Portwho < Formula
  desc "Local port inspector that tells who has a port"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@URL@/portwho-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA_MACOS_ARM@"
    end
    on_intel do
      url "@URL@/portwho-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA_MACOS_X86@"
    end
  end

  on_linux do
    on_arm do
      url "@URL@/portwho-@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA_LINUX_ARM@"
    end
    on_intel do
      url "@URL@/portwho-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA_LINUX_X86@"
    end
  end

  def install
    bin.install "portwho"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/portwho.bash" => "portwho"
    zsh_completion.install "completions/_portwho"
    fish_completion.install "completions/portwho.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/portwho --version")
  end
end
