# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Process entry for executables that are linked only to be looked at. At entry (AMD64
# psABI) the word at %rsp is argc, behind it are argv, a null and envp; %rdx is a function
# to run at exit, or 0. Never run; a native build has the start-up objects of the system.
	.text
	.globl	_start
	.type	_start, @function
_start:
	xorl	%ebp, %ebp
	movq	(%rsp), %rbx
	leaq	8(%rsp), %r12
	leaq	8(%r12,%rbx,8), %r13
	andq	$-16, %rsp
	movq	%r13, _environ(%rip)
	testq	%rdx, %rdx
	jz	1f
	movq	%rdx, %rdi
	call	atexit@PLT
1:	call	__fpstart@PLT
	movl	%ebx, %edi
	movq	%r12, %rsi
	movq	%r13, %rdx
	call	main@PLT
	movl	%eax, %edi
	call	exit@PLT
	hlt
	.size	_start, .-_start

	.bss
	.balign	8
	.globl	_environ
	.weak	environ
	.type	_environ, @object
	.type	environ, @object
_environ:
environ:
	.zero	8
	.size	_environ, 8
	.size	environ, 8
	.section .note.GNU-stack,"",@progbits
